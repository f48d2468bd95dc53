"""Declare actors, send tasks to them, and run these tasks."""
