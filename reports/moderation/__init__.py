"""Moderation: what is published at once, what waits for a decision, and flags."""
