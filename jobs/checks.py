"""System checks of the schedule and of settings that contradict each other."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from jobs.operations.alerts import HEALTH_TIMEOUT_SECONDS
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


@register()
def check_health_alert(**_: Any) -> list[CheckMessage]:
    """Report a JOBS_ALERT_HEALTH_SECONDS that no measurement can exceed."""
    threshold = settings.JOBS_ALERT_RULES.get("health_seconds", math.inf)
    if threshold < HEALTH_TIMEOUT_SECONDS or threshold == math.inf:
        return []
    message = (
        f"JOBS_ALERT_HEALTH_SECONDS={threshold:g} is never exceeded: "
        f"the health check waits {HEALTH_TIMEOUT_SECONDS} s at most."
    )
    hint = f"Choose less than {HEALTH_TIMEOUT_SECONDS}, or inf, which turns the alert off."
    return [Error(message, hint=hint, id="jobs.E004")]


@register()
def check_lease(**_: Any) -> list[CheckMessage]:
    """Report a lease that ends before a worker's next heartbeats have come."""
    if settings.JOBS_LEASE_SECONDS >= 2 * settings.JOBS_HEARTBEAT_SECONDS:
        return []
    message = "JOBS_LEASE_SECONDS is less than twice JOBS_HEARTBEAT_SECONDS."
    hint = "Workers that live would be taken for dead, and their tasks run again."
    return [Error(message, hint=hint, id="jobs.E005")]
