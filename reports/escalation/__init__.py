"""Escalation: messages to those responsible when a deadline comes near or has passed."""
