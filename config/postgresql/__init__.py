"""The database backend of every process, and the roles of its database."""
