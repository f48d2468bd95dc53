"""The task's states in PostgreSQL: one fenced SQL statement for each change."""
