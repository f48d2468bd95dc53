"""Policies of triage: which reports come first; finding a better one by replaying the history."""
