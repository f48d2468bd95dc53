"""The audit log: what happened, by whom, to what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from structlog.contextvars import get_contextvars

from accounts.models import AuditEvent


def record(
    event: str, *, actor_id: UUID | None, subject: str, data: dict[str, Any] | None = None
) -> AuditEvent:
    """Write one event in the current transaction, so that the action is undone where it cannot be
    recorded.

    `data` holds ids and plain facts, never a phone number, an email address, a code or a token.
    """
    return AuditEvent.objects.create(
        event=event,
        actor_id=actor_id,
        subject=subject,
        data=data or {},
        request_id=str(get_contextvars().get("request_id", ""))[:128],
    )
