"""The link by which reporters answer whether a problem is repaired."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse

from reports.confirmation import tokens
from reports.confirmation.tokens import Resolution

#: The name in a message's context; its value is `<report's id>:<id of the line of its history>`.
NAME = "confirm_repair"


def path_of(subject: str) -> str:
    """Return the path of the page on which the resolution `subject` can be confirmed."""
    report_id, _, change_id = subject.partition(":")
    token = tokens.make(Resolution(UUID(report_id), int(change_id)))
    return f"{reverse('confirm-repair')}?token={token}"
