"""The workflow: a report's statuses from its arrival to its end."""
