"""Candidates for matches, found by PostgreSQL."""
