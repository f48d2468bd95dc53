"""`jobs.actor`: how an app declares background work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, cast
from uuid import UUID

from django.conf import settings
from dramatiq import Actor, get_broker

from jobs import execution, running

if TYPE_CHECKING:
    from jobs.broker import LedgerBroker

P = ParamSpec("P")
R = TypeVar("R")
Kind = Literal["transactional", "external", "long"]
Delivery = Literal["at_least_once", "at_most_once"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the ledger treats an actor's tasks."""

    kind: Kind = "transactional"
    max_attempts: int = 8
    min_backoff: timedelta = timedelta(seconds=1)
    max_backoff: timedelta = timedelta(minutes=30)
    transaction_timeout: timedelta | None = None
    is_at_most_once: bool = False


class LedgerActor(Actor[P, R], Generic[P, R]):
    """A Dramatiq actor whose messages are rows of the ledger.

    Calling it runs the function here and now; `send()` and its kin write a task in the caller's transaction.
    """

    def __init__(self, fn: Callable[P, R], *, policy: Policy, queue_name: str, priority: int) -> None:
        self.policy = policy
        self.record_fn: Callable[..., None] | None = None
        super().__init__(
            fn, broker=get_broker(), actor_name=fn.__name__, queue_name=queue_name, priority=priority, options={}
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        message = running.take_delivery(self.actor_name)
        if message is None:
            return self.fn(*args, **kwargs)
        execution.run_message(self, message)
        return cast("R", None)  # the ledger keeps the result; Dramatiq is to keep none

    def record(self, fn: Callable[..., None]) -> Callable[..., None]:
        """Decorator for the second half of an external actor.

        The function gets what the first half returned, then the task's arguments; what it writes and sends commits
        together with the end of the task, or not at all.
        """
        if self.policy.kind != "external":
            raise TypeError(f"{self.actor_name} is {self.policy.kind}; only an external actor has a record function.")
        self.record_fn = fn
        return fn

    def send_many(self, arguments: Iterable[Sequence[Any]], *, priority: int | None = None) -> list[UUID]:
        """Send one task for each positional argument list, in one statement; return their ids in order."""
        return cast("LedgerBroker", self.broker).enqueue_many(
            self, arguments, priority=self.priority if priority is None else priority
        )


def actor(
    *,
    queue_name: str = "default",
    kind: Kind = "transactional",
    delivery: Delivery = "at_least_once",
    max_attempts: int = 8,
    priority: int = 0,
    min_backoff: timedelta = timedelta(seconds=1),
    max_backoff: timedelta = timedelta(minutes=30),
    transaction_timeout: timedelta | None = None,
) -> Callable[[Callable[P, R]], LedgerActor[P, R]]:
    """Declare a function as an actor; its name is a contract once a task is stored.

    Args:
        kind: `transactional`: the body, its child sends and the end of the task commit together, exactly once.
            `external`: the body talks to somebody else's machine outside any transaction, and the function given
            to `.record` writes what came of it. `long`: the body runs outside a transaction, reports progress,
            and writes in `current_task().effects()`.
        delivery: for external actors whose call must never be repeated: `at_most_once` is tried once only.
        max_attempts: attempts, counted when they start, before a task is dead.
        priority: lower runs first.
        min_backoff, max_backoff: bounds of the exponential pause between attempts.
        transaction_timeout: how long the transaction may last; by default JOBS_TRANSACTION_TIMEOUT_SECONDS.

    Raises:
        ValueError: an actor of that name exists, the queue is unknown or the options contradict each other.
    """
    if queue_name not in settings.JOBS_QUEUES:
        raise ValueError(f"Unknown queue {queue_name!r}; JOBS_QUEUES names {', '.join(settings.JOBS_QUEUES)}.")
    is_at_most_once = delivery == "at_most_once"
    if is_at_most_once and kind != "external":
        raise ValueError("Only an external actor can be at_most_once; the others are exactly once.")
    policy = Policy(
        kind=kind,
        max_attempts=1 if is_at_most_once else max_attempts,
        min_backoff=min_backoff,
        max_backoff=max_backoff,
        transaction_timeout=transaction_timeout,
        is_at_most_once=is_at_most_once,
    )
    return lambda fn: LedgerActor(fn, policy=policy, queue_name=queue_name, priority=priority)
