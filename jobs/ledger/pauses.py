"""Compute the pauses between the attempts of a task."""

from __future__ import annotations

import random
from datetime import timedelta


def backoff(attempt: int, *, base: timedelta, maximum: timedelta) -> timedelta:
    """Return the pause before the next attempt: it doubles each time, and half of it is random.

    Half is fixed, so that a number of attempts is sure to outlast an outage of a given length.
    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("equal
    jitter").
    """
    longest = _longest_pause(attempt, base=base, maximum=maximum)
    share = random.uniform(0.5, 1)  # noqa: S311 - spreads the load, guards nothing
    return timedelta(seconds=longest.total_seconds() * share)


def attempts_to_outlast(outage: timedelta, *, base: timedelta, maximum: timedelta) -> int:
    """Return the number of attempts whose shortest pauses together last longer than `outage`."""
    attempts, covered = 1, timedelta()
    while covered < outage:
        covered += _longest_pause(attempts, base=base, maximum=maximum) / 2
        attempts += 1
    return attempts


def _longest_pause(attempt: int, *, base: timedelta, maximum: timedelta) -> timedelta:
    return min(maximum, base * 2.0 ** min(attempt - 1, 30))
