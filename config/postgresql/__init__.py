"""The database backend of every process."""
