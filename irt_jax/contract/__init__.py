"""Names, columns, options and limits that users and other programs rely on."""
