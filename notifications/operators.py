"""Emails to the operators of the installation."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from jobs.models import AlertEpisode
from jobs.operations import alerts
from notifications import channels
from notifications.channels import Message


def email_alert(episode_id: UUID | str, phase: alerts.Phase, *, idempotency_key: str) -> None:
    """Email every address of OPERATOR_EMAILS that an alert has begun or ended.

    Raises:
        ChannelError: an address could not be reached; those before it may get the email again.
    """
    subject, body = alerts.describe(AlertEpisode.objects.get(pk=episode_id), phase)
    body = f"{body}\n{settings.PUBLIC_URL}/admin/jobs/dashboard/"
    for number, address in enumerate(settings.OPERATOR_EMAILS):
        channels.send(
            "email", Message(address, subject, body), idempotency_key=f"{idempotency_key}-{number}"
        )
