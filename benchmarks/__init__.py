"""Our engines and other programs on the same data in the same run; see README.md beside this file."""
