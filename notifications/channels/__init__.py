"""The ways out: each channel is a function that takes a message, or raises ChannelError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from jobs.execution import breakers
from jobs.ledger.database import persistently
from notifications.errors import ChannelError


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: to an address of the channel's kind; the subject is empty where the channel has
    none.
    """

    to: str
    subject: str
    body: str


class Channel(Protocol):
    """`idempotency_key` is the same for every try of one message; the answer is the provider's id
    for it, or "".
    """

    def __call__(self, message: Message, *, idempotency_key: str) -> str: ...


def send(channel: str, message: Message, *, idempotency_key: str, is_urgent: bool = False) -> str:
    """Send by the function that NOTIFICATION_CHANNELS names, unless the channel is known to be out.

    An urgent message is tried all the same, since it is of no use later. Each outcome moves the
    channel's breaker.

    Raises:
        Postponed: the channel's breaker is open.
        ChannelError: the channel did not take the message.
    """
    permit = breakers.Permit(channel) if is_urgent else breakers.admit(channel)
    send_message: Channel = import_string(settings.NOTIFICATION_CHANNELS[channel])
    try:
        provider_id = send_message(message, idempotency_key=idempotency_key)
    except ChannelError as error:
        if error.is_outage:
            breakers.failed(permit, str(error), retry_after=error.retry_after)
        else:
            breakers.succeeded(permit)
        raise
    # What was sent cannot be taken back: wait for PostgreSQL rather than send it again.
    persistently(lambda: breakers.succeeded(permit))
    return provider_id
