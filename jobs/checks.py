"""System checks of the schedule, so that a faulty entry is reported when the program starts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.core.checks import CheckMessage, Error, register

from jobs.worker import schedule


@register()
def check_schedule(**_: Any) -> list[CheckMessage]:
    """Report entries of JOBS_SCHEDULE that can never run, and names that two entries share."""
    try:
        entries = schedule.entries()
    except (ImportError, TypeError) as error:
        hint = "JOBS_SCHEDULE is the dotted path of a list of entries, or empty."
        return [Error(f"JOBS_SCHEDULE cannot be read: {error}", hint=hint, id="jobs.E001")]
    return [*_faults(entries), *_doubles(entries)]


def _faults(entries: list[schedule.Entry]) -> list[CheckMessage]:
    now = datetime.now(UTC)
    faults = [(entry, entry.fault(now)) for entry in entries]
    return [
        Error(
            f"The schedule's entry {entry.name!r} cannot run: {fault}",
            hint="cron has five fields: minute, hour, day of the month, month, day of the week.",
            id="jobs.E002",
        )
        for entry, fault in faults
        if fault
    ]


def _doubles(entries: list[schedule.Entry]) -> list[CheckMessage]:
    counts = Counter(entry.name for entry in entries)
    return [
        Error(
            f"{count} entries of the schedule are called {name!r}.",
            hint="A tick is known by its entry's name, so only one of them would run.",
            id="jobs.E003",
        )
        for name, count in counts.items()
        if count > 1
    ]
