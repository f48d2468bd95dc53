"""Duties of a worker process beside running tasks for messages."""
