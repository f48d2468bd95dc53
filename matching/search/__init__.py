"""Candidates for a match, found by PostgreSQL."""
