"""The base class of every app's errors, and the errors of background work.

The docstring of a class is its default message.
"""

from __future__ import annotations

from datetime import timedelta


class DomainError(Exception):
    """The request could not be fulfilled."""

    def __init__(self, message: str = "") -> None:
        # A docstring may go over two lines of the code; a message is one.
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))


class JobsError(DomainError):
    """Background work failed."""


class NotInTransaction(JobsError):
    """send() needs a transaction: wrap it and its rows in `with transaction.atomic():`."""


class InTransaction(JobsError):
    """An outside service must not be called inside a database transaction."""


class SessionUnavailable(JobsError):
    """A pooler gives no direct session: set DATABASE_DIRECT_URL to the address of PostgreSQL
    itself.
    """


class PermanentError(JobsError):
    """Repeating this cannot help; the task is dead at once."""


class NotComputable(PermanentError):
    """This job cannot be computed.

    The message is for whoever started the job: it says why, and what to change.
    """

    @classmethod
    def names(cls) -> set[str]:
        """Return the name of this class and of those below it, as attempts store them."""
        return {cls.__qualname__}.union(*(below.names() for below in cls.__subclasses__()))


class Postponed(JobsError):
    """The work cannot be done now; it is retried after `delay` and this run uses no attempt."""

    def __init__(self, message: str = "", *, delay: timedelta) -> None:
        super().__init__(message)
        self.delay = delay


class AsksForPause(Exception):
    """The other side asked not to be called again before `retry_after` has passed."""

    retry_after: timedelta | None = None


class OutboundError(DomainError, AsksForPause):
    """The call to another machine failed."""


class AddressRefused(OutboundError):
    """The address is not a public one, and OUTBOUND_ALLOWED_NETWORKS does not name it."""


class NotStorable(PermanentError, ValueError):
    """PostgreSQL cannot store this."""


class SealBroken(PermanentError):
    """The value cannot be decrypted with any of JOBS_SEAL_KEYS."""


class LeaseLost(JobsError):
    """This run no longer owns its task: it was rescued, cancelled or replayed.

    Its effects are rolled back.
    """


class TaskCancelled(JobsError):
    """The task was asked to stop."""


class WorkerLost(JobsError):
    """The worker vanished while it ran the task."""


class NotInThatState(JobsError):
    """The task is not in a state that allows this."""


class EntryUnknown(JobsError):
    """The schedule has no entry of this name."""


class RunRefused(JobsError):
    """It was started a moment ago."""


class NoCurrentTask(JobsError):
    """This code does not run for a task."""


class IdempotencyError(JobsError):
    """The Idempotency-Key cannot be used for this request."""


class IdempotencyKeyInvalid(IdempotencyError):
    """Idempotency-Key takes 1 to 255 printable ASCII characters, such as a UUID."""


class IdempotencyKeyInUse(IdempotencyError):
    """The first request with this Idempotency-Key has not finished; ask again in a moment."""

    retry_after = 1


class IdempotencyKeyReused(IdempotencyError):
    """This Idempotency-Key belongs to a different request; use a new key for a new request."""


class JobRefused(JobsError):
    """The job cannot be started now."""

    def __init__(self, message: str = "", *, retry_after: int = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyActiveJobs(JobRefused):
    """You have as many jobs of this type under way as it allows; wait for one or cancel one."""


class TooManyJobs(JobRefused):
    """You have started as many jobs of this type within an hour as it allows."""


class ArgumentsRefused(JobsError):
    """The task's actor does not take these arguments."""
