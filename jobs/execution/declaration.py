"""Declare background work of an app: the decorator `jobs.actor`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypedDict, TypeVar, Unpack, cast
from uuid import UUID

from django.conf import settings
from dramatiq import Actor, Message, get_broker

from jobs.execution import backlog, current, sending
from jobs.execution.policy import DEFAULT_ATTEMPTS, Delivery, Kind, Policy
from jobs.ledger.pauses import attempts_to_outlast

P = ParamSpec("P")
R = TypeVar("R")


class SendOptions(TypedDict, total=False):
    """Options of `send_with_options` beside the arguments and the delay; None means not given."""

    unique_key: str | None
    once_per: timedelta | None
    deadline: timedelta | None
    priority: int | None
    max_attempts: int | None
    limit_key: str | None
    limit_count: int | None
    created_by: UUID | None
    job_type: str | None
    is_completion_announced: bool | None


class LedgerActor(Actor[P, R], Generic[P, R]):
    """A Dramatiq actor whose messages are rows of the ledger.

    Calling it runs the function here and now; `send()`, `send_with_options()` and `send_many()`
    write tasks in the caller's transaction.
    """

    def __init__(
        self, fn: Callable[P, R], *, policy: Policy, queue_name: str, priority: int
    ) -> None:
        self.policy = policy
        self.record_fn: Callable[..., None] | None = None
        self.mirror_fn: Callable[..., None] | None = None
        super().__init__(
            fn,
            broker=get_broker(),
            actor_name=fn.__name__,
            queue_name=queue_name,
            priority=priority,
            options={},
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        message = current.take_delivery(self.actor_name)
        if message is None:
            return self.fn(*args, **kwargs)
        backlog.current().run_message(self, message)
        return cast("R", None)  # the ledger keeps the result; Dramatiq is to keep none

    def record(self, fn: Callable[..., None]) -> Callable[..., None]:
        """Register the function that records what an external actor's call returned (a decorator).

        It gets that return value, then the task's arguments. What it writes and sends commits
        together with the end of the task, or not at all.

        Raises:
            TypeError: the actor is not external.
        """
        if self.policy.kind != "external":
            raise TypeError(
                f"{self.actor_name} is {self.policy.kind}; only an external actor has a record "
                "function."
            )
        self.record_fn = fn
        return fn

    def mirror(self, fn: Callable[..., None]) -> Callable[..., None]:
        """Register the function that copies a task's state to rows of its app (a decorator).

        It is called with a `jobs.Standing` and the task's arguments, in a transaction of its own,
        after the task has died, was cancelled or was replayed; never after a success.
        """
        self.mirror_fn = fn
        return fn

    def send_with_options(  # type: ignore[override]
        self,
        *,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        delay: timedelta | int | None = None,
        **options: Unpack[SendOptions],
    ) -> Message[R]:
        """Send a task with options; the message that is returned carries its id.

        Args:
            delay: the time before which the task is not run (a number is milliseconds).
            unique_key: at most one task waits under this key; where one already waits, nothing is
                sent and the message carries the id of that task.
            once_per: a period; within it no second task with the same `unique_key` is sent,
                whatever became of the first.
            deadline: a period; if the task has not started by its end, it is cancelled.
            priority: lower runs first, among tasks of the same urgency (`jobs.entering`).
            limit_key, limit_count: at most `limit_count` tasks with this `limit_key` run at once.
            created_by, job_type, is_completion_announced: set for a job started by a person
                (`jobs.execution.job_types`).

        Raises:
            NotInTransaction: outside `transaction.atomic()`.
            TypeError: an option is unknown.
            ValueError: an option needs another one, or contradicts the actor's.
        """
        chosen = {name: value for name, value in options.items() if value is not None}
        if "once_per" in chosen and "unique_key" not in chosen:
            raise ValueError("once_per remembers a unique_key; give one.")
        self._refuse_contradictions(chosen)
        return super().send_with_options(args=args, kwargs=kwargs, delay=delay, **chosen)

    def send_many(self, arguments: Iterable[Sequence[Any]], **options: Any) -> list[UUID]:
        """Send one task for each list of positional arguments, in one statement.

        Return the tasks' ids in order. `options` are fields of `outbox.NewTask`, the same for all:
        `priority`, `delay`, `group_id`, …

        Raises:
            NotInTransaction: outside `transaction.atomic()`.
            ValueError: the options contradict each other or the actor's.
        """
        self._refuse_contradictions(options)
        return sending.send_many(self, arguments, **options)

    def _refuse_contradictions(self, options: Mapping[str, Any]) -> None:
        if ("limit_key" in options) != ("limit_count" in options):
            raise ValueError("limit_key and limit_count go together.")
        if self.policy.is_at_most_once and "max_attempts" in options:
            raise ValueError(f"{self.actor_name} is at_most_once: it is tried once.")


def actor(  # noqa: PLR0913 - each is a named option
    *,
    queue_name: str = "default",
    kind: Kind = "transactional",
    delivery: Delivery = "at_least_once",
    outlasts: timedelta | None = None,
    max_attempts: int | None = None,
    priority: int = 0,
    min_backoff: timedelta = timedelta(seconds=1),
    max_backoff: timedelta = timedelta(minutes=30),
    transaction_timeout: timedelta | None = None,
    is_sealed: bool = False,
    is_bulk: bool = False,
    is_waiting: bool = False,
) -> Callable[[Callable[P, R]], LedgerActor[P, R]]:
    """Declare a function as an actor; its name is a contract once a task is stored.

    Args:
        kind: `transactional`: the function, the tasks it sends and the end of its own task commit
            together, exactly once. `external`: the function calls an outside service outside any
            transaction, and the function given to `.record` writes the outcome. `long`: the
            function runs outside a transaction, reports progress, and writes inside
            `current_task().effects()`.
        delivery: `at_most_once` for external actors whose call must never be repeated; their tasks
            are tried once only.
        outlasts: the longest outage, of whatever the function needs, that a task survives; the
            number of attempts follows from it and the pauses between them. An outage of PostgreSQL
            uses no attempt.
        max_attempts: how many attempts, counted when they start, a task has before it is dead;
            instead of `outlasts`, and 8 without either.
        priority: lower runs first, among tasks of the same urgency (`jobs.entering`).
        min_backoff, max_backoff: bounds of the exponential pause between attempts.
        transaction_timeout: how long the transaction may last; by default
            JOBS_TRANSACTION_TIMEOUT_SECONDS.
        is_sealed: whether the ledger stores the arguments encrypted, for secrets.
        is_bulk: whether its tasks, and the tasks that they send, are always bulk work.
        is_waiting: whether it mostly waits for another machine. As bulk work such tasks have
            threads of their own, so that a slow machine delays no other bulk work.

    Raises:
        ValueError: an actor of that name exists, the queue is unknown or the options contradict
            each other.
    """
    _require_queue(queue_name)
    _require_consistent(kind, delivery, outlasts, max_attempts)
    policy = Policy(
        kind=kind,
        outlasts=outlasts,
        max_attempts=max_attempts or DEFAULT_ATTEMPTS,
        min_backoff=min_backoff,
        max_backoff=max_backoff,
        transaction_timeout=transaction_timeout,
        is_at_most_once=delivery == "at_most_once",
        is_sealed=is_sealed,
        is_bulk=is_bulk,
        is_waiting=is_waiting,
    )
    policy = replace(policy, max_attempts=_attempts(policy))
    return lambda fn: LedgerActor(fn, policy=policy, queue_name=queue_name, priority=priority)


def _require_queue(name: str) -> None:
    if name not in settings.JOBS_QUEUES:
        raise ValueError(
            f"Unknown queue {name!r}; JOBS_QUEUES names {', '.join(settings.JOBS_QUEUES)}."
        )


def _require_consistent(
    kind: Kind, delivery: Delivery, outlasts: timedelta | None, max_attempts: int | None
) -> None:
    if delivery == "at_most_once" and kind != "external":
        raise ValueError("Only an external actor can be at_most_once; the others are exactly once.")
    if outlasts is not None and max_attempts is not None:
        raise ValueError("max_attempts follows from outlasts; give one of them.")


def _attempts(policy: Policy) -> int:
    """Return how often a task of an actor with these options is tried at most."""
    if policy.is_at_most_once:
        return 1
    if policy.outlasts is not None:
        return attempts_to_outlast(
            policy.outlasts, base=policy.min_backoff, maximum=policy.max_backoff
        )
    return policy.max_attempts
