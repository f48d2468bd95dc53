"""The audit log: events with their actor, subject and client, written and read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from structlog.contextvars import get_contextvars

from accounts import origins, person_keys
from accounts.models import AuditEvent
from jobs.http import limits
from jobs.ledger import rows

#: Personal fields: the log holds their values encrypted under a key that erasure destroys.
PERSONAL = {"phone", "email", "name"}

_OWN_REQUEST_ID = re.compile(r"[0-9a-f]{32}")

Changes = Mapping[str, tuple[Any, Any]]


def record(
    event: str, *, actor_id: UUID | None, subject: str, data: dict[str, Any] | None = None
) -> AuditEvent:
    """Write one event in the current transaction; if that fails, the action is rolled back too.

    In a `together` block it is written with the other parts, and has no id before. The client's
    address and user agent come from the present request, if there is one. `data`
    holds ids and plain facts, never a phone number, an email address, a code or a token.
    """
    origin = origins.current()
    written = AuditEvent(
        event=event,
        actor_id=actor_id,
        subject=subject,
        data=data or {},
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        request_id=_request_id(),
    )
    rows.insert_together(written)
    return written


def record_hourly(
    event: str, *, key: str, actor_id: UUID | None, subject: str, data: dict[str, Any] | None = None
) -> None:
    """Write an event unless one with this name and key was written within the last hour.

    It is for what anybody can repeat without end, such as guesses that a limit refuses.

    Raises:
        RuntimeError: a transaction is open.
    """
    if limits.hit(f"audit:{event}:{key}", 1, timedelta(hours=1)).allowed:
        record(event, actor_id=actor_id, subject=subject, data=data)


def record_changes(
    event: str, *, actor_id: UUID | None, subject: str, changes: Changes, person_id: UUID | None
) -> AuditEvent:
    """Write an event with each changed field's values before and after.

    A person's phone, email and name are sealed under the key of `person_id`. Of another subject,
    such as a group, the name is written plainly, and of its phone and email only that they changed.
    """
    hidden = PERSONAL if person_id is not None else PERSONAL - {"name"}
    plain = {name: list(values) for name, values in changes.items() if name not in hidden}
    personal = {name: list(values) for name, values in changes.items() if name in hidden}
    data: dict[str, Any] = {"changes": plain | dict.fromkeys(personal, "sealed")}
    if personal and person_id is not None:
        data["sealed"] = person_keys.seal_for(person_id, personal)
    return record(event, actor_id=actor_id, subject=subject, data=data)


def _request_id() -> str:
    """Return the id of the present request, or of the one that sent the present task.

    An id that the client chose could hold personal data, so its digest is returned instead.
    """
    context = get_contextvars()
    request_id = str(context.get("own_request_id") or context.get("request_id") or "")
    if not request_id or _OWN_REQUEST_ID.fullmatch(request_id):
        return request_id
    return f"sha256:{hashlib.sha256(request_id.encode()).hexdigest()}"


def opened_changes(event: AuditEvent) -> dict[str, Any]:
    """Return an event's changes, with the personal values decrypted while their key exists.

    Some events only count their changes; these have none to show.
    """
    stored = event.data.get("changes")
    changes: dict[str, Any] = dict(stored) if isinstance(stored, dict) else {}
    kind, _, person_id = event.subject.partition(":")
    if "sealed" in event.data and kind == "user":
        changes |= person_keys.open_for(UUID(person_id), event.data["sealed"]) or {}
    return changes
