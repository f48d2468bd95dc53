"""Write the lines of a report's history."""

from __future__ import annotations

from typing import Any

from structlog.contextvars import get_contextvars

from accounts.models import User
from jobs.ledger import rows
from reports.models import Report, Role, StatusChange


def write(
    report: Report, *, from_status: str, version: int, is_together: bool = False, **facts: Any
) -> StatusChange:
    """Add a line; `version` is the report's once the change that the line is about is stored.

    `facts` are further fields of the line. With `is_together` it goes with the other parts of a
    `together` block, and has no id before.
    """
    facts.setdefault("role", role_of(facts.get("by")))
    line = StatusChange(
        report=report,
        from_status=from_status,
        to_status=report.status,
        version=version,
        request_id=_request_id(),
        **facts,
    )
    if is_together:
        rows.insert_together(line)
    else:
        rows.insert(line)
    return line


def role_of(by: User | None) -> str:
    """Return the role of somebody of whom only the user is known: staff, or else the system."""
    if by is None:
        return Role.SYSTEM
    return Role.SUPERUSER if by.is_superuser else Role.CLERK


def _request_id() -> str:
    """Return the id that the server gave the present request, or that of the task's sender."""
    context = get_contextvars()
    return str(context.get("own_request_id") or context.get("request_id") or "")[:128]
