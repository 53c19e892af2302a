"""What the commands of this folder share; each module is one step between PostgreSQL and files."""
