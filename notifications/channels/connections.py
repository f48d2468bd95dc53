"""A connection to the mail server that each thread keeps for its next message.

Opening one, with its greeting and its encryption, takes longer than handing over a message.
"""

from __future__ import annotations

import smtplib
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

#: Servers end a connection that is idle for some minutes, and some after a number of messages.
IDLE_SECONDS = 20.0
MESSAGES = 50


@dataclass(slots=True)
class _Kept:
    backend: Any
    server: tuple[Any, ...]
    used_at: float
    messages: int = 0

    def is_usable(self) -> bool:
        """Return whether the next message can go this way; the server is asked."""
        is_spent = self.messages >= MESSAGES or time.monotonic() - self.used_at > IDLE_SECONDS
        if is_spent or self.server != _server():
            return False
        smtp = getattr(self.backend, "connection", None)
        try:
            return smtp is None or smtp.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False


_of_thread = threading.local()


def send(email: EmailMessage) -> None:
    """Hand a message to the mail server, over the connection of this thread.

    Raises:
        OSError, smtplib.SMTPException: the server did not take it; the connection is given up.
    """
    kept = _connected()
    email.connection = kept.backend
    try:
        email.send()
    except BaseException:
        give_up()
        raise
    kept.used_at, kept.messages = time.monotonic(), kept.messages + 1


def _connected() -> _Kept:
    kept: _Kept | None = getattr(_of_thread, "kept", None)
    if kept is not None and kept.is_usable():
        return kept
    give_up()
    backend = get_connection()
    backend.open()
    _of_thread.kept = _Kept(backend, _server(), time.monotonic())
    return _of_thread.kept  # type: ignore[no-any-return]


def give_up() -> None:
    """End the connection of this thread, if it has one."""
    kept: _Kept | None = getattr(_of_thread, "kept", None)
    _of_thread.kept = None
    if kept is not None:
        with suppress(OSError, smtplib.SMTPException):
            kept.backend.close()


def _server() -> tuple[Any, ...]:
    """Return what identifies the mail server of the settings."""
    names = ("BACKEND", "HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    return tuple(getattr(settings, f"EMAIL_{name}") for name in names)
