"""The ways out: each channel is a function that takes a message, or raises ChannelError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


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


def send(channel: str, message: Message, *, idempotency_key: str) -> str:
    """Send by the function that NOTIFICATION_CHANNELS names.

    Raises notifications.errors.ChannelError.
    """
    send_message: Channel = import_string(settings.NOTIFICATION_CHANNELS[channel])
    return send_message(message, idempotency_key=idempotency_key)
