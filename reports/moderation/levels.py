"""Levels of reputation: how much of the daily numbers a citizen has, and what is public at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User


@dataclass(frozen=True, slots=True)
class Level:
    """What citizens of one level may do.

    `share_percent` is their share of daily limits such as REPORTS_PER_CITIZEN_DAY.
    """

    number: int
    share_percent: int
    is_public_at_once: bool

    def daily(self, number: int) -> int:
        """Return this level's share of a daily number, at least 1."""
        return max(1, math.ceil(number * self.share_percent / 100))


def level_of(user: User) -> Level:
    """Return the user's level by MODERATION_LEVELS: 0 with a negative reputation, else 1 and up.

    A level that is not listed is like the one listed below it.
    """
    number = 0 if user.reputation < 0 else user.level
    levels = parse(settings.MODERATION_LEVELS)
    return max((level for level in levels if level.number <= number), key=lambda one: one.number)


def is_trusted(user: User) -> bool:
    """Return whether the user's links are public at once, and their flags may hide something."""
    return user.reputation >= 0 and user.level >= settings.MODERATION_TRUSTED_LEVEL


def parse(entries: Sequence[str]) -> list[Level]:
    """Return the levels that MODERATION_LEVELS lists, such as `0:10:held` or `1:100:public`.

    Raises:
        ImproperlyConfigured: an entry cannot be read, or level 0 is missing.
    """
    levels = [_level(entry) for entry in entries]
    if not any(level.number == 0 for level in levels):
        raise ImproperlyConfigured("MODERATION_LEVELS has no level 0.")
    return levels


def _level(entry: str) -> Level:
    number, _, rest = entry.partition(":")
    share, _, publication = rest.partition(":")
    if not (number.isdecimal() and share.isdecimal() and publication in {"public", "held"}):
        raise ImproperlyConfigured(
            f"MODERATION_LEVELS: {entry!r} is no level; expected one such as 1:100:public."
        )
    return Level(int(number), int(share), publication == "public")
