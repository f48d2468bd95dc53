"""What a person has chosen for the list of reports; the app that keeps it says where.

Without such an app everybody has the list as it comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from accounts.models import User


class Preferences(Protocol):
    """Where the preferences of people for the list of reports are stored."""

    def columns(self, user: User) -> list[str]:
        """Return the names of the columns that this person chose; [] for the usual ones."""
        ...

    def opening(self, user: User) -> str:
        """Return the query with which the list opens for this person; "" for all reports."""
        ...


@dataclass
class _Kept:
    preferences: Preferences | None = None


_kept = _Kept()


def keep_in(preferences: Preferences) -> None:
    """Set where the preferences of people are stored."""
    _kept.preferences = preferences


def columns(user: User) -> list[str]:
    return _kept.preferences.columns(user) if _kept.preferences else []


def opening(user: User) -> str:
    return _kept.preferences.opening(user) if _kept.preferences else ""
