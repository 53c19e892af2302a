"""The way between the users' PostgreSQL database and files; behind the extra `postgres`."""
