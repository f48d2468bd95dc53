"""Intake: accept reports of citizens, within limits."""
