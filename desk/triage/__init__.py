"""Triage: one report after the other, with what a decision needs, by keys."""
