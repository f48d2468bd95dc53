"""What a step tells, and to whom."""

from __future__ import annotations

from reports.following import announcing
from reports.models import Report, Role, StatusChange
from reports.workflow import table


def send(report: Report, change: StatusChange) -> None:
    """Notify those who follow the report, and those in whose areas it has become public."""
    if tells(change):
        announcing.announce_step(report, change)
    if is_publication(change):
        announcing.announce_report(report)


def tells(change: StatusChange) -> bool:
    """Return whether the people who follow the report get a message about the step."""
    step = table.step_named(change.step, change.from_status)
    if step is None or not step.tells:
        return False
    return change.role != Role.SYSTEM or step.system_tells


def is_publication(change: StatusChange) -> bool:
    """Return whether the step made the report public."""
    step = table.step_named(change.step, change.from_status)
    is_hidden = step is not None and step.hides
    return "published_at" in change.fields and not is_hidden


def is_heard(report: Report, change: StatusChange) -> bool:
    """Return whether anybody gets a message about the step."""
    if tells(change) and announcing.has_audience(report, change):
        return True
    return is_publication(change)
