"""Store tasks and their states in PostgreSQL; each change of state is one guarded SQL statement."""
