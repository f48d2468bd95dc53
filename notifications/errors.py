"""What can go wrong with a message."""

from __future__ import annotations

from jobs.errors import DomainError


class NotificationsError(DomainError):
    """The message could not be handled."""


class ChannelError(NotificationsError):
    """A channel did not take the message; `permanent` says that trying again is of no use."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent
