"""Channels: each is a function that hands a message to a provider, or raises ChannelError."""

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
    """A message ready to send: the recipient's address, subject and body.

    The subject is empty on channels that have none. `unsubscribe` is the address that ends such
    messages with one tap, or empty.
    """

    to: str
    subject: str
    body: str
    unsubscribe: str = ""


class Channel(Protocol):
    """A function that hands a message to a provider and returns the provider's id for it, or "".

    `idempotency_key` is the same at every attempt to send one message.
    """

    def __call__(self, message: Message, *, idempotency_key: str) -> str: ...


def send(channel: str, message: Message, *, idempotency_key: str, is_urgent: bool = False) -> str:
    """Send a message by the function that NOTIFICATION_CHANNELS names for the channel.

    While the channel's breaker is open nothing is tried, except for an urgent message, which is of
    no use later. Each outcome is counted by the breaker. Returns the provider's id.

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
