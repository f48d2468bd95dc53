"""The tables of the desk, one module for each wing."""

from desk.models.triage import TriageAction, TriageLook

__all__ = ["TriageAction", "TriageLook"]
