"""The errors of notifications. The docstring of a class is its default message."""

from __future__ import annotations

from datetime import timedelta

from jobs.errors import AsksForPause, DomainError


class NotificationsError(DomainError):
    """The message could not be handled."""


class ChannelError(NotificationsError, AsksForPause):
    """A channel did not take the message.

    `permanent` says that trying again is of no use; `is_outage` that the channel would have taken
    no other message either; `retry_after` how long it asked to be left alone.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        is_outage: bool | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.is_outage = not permanent if is_outage is None else is_outage
        self.retry_after = retry_after
