"""Run one task: claim it, call its actor according to its kind, and record how it ended.

No function here returns or raises before the outcome is in the ledger, since Dramatiq acknowledges
the message after either.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import structlog
from django.db import transaction
from dramatiq import get_broker

from jobs.errors import (
    AsksForPause,
    InTransaction,
    LeaseLost,
    PermanentError,
    Postponed,
    TaskCancelled,
)
from jobs.execution import current, entrance, pace, settling, telemetry
from jobs.execution.breakers import LONGEST_PAUSE
from jobs.execution.policy import DeclaredActor, Policy
from jobs.failpoints import failpoint
from jobs.ledger import pauses, transitions
from jobs.ledger.database import (
    in_own_transaction,
    limit_transaction,
    persistently,
    unlimited_transactions,
)
from jobs.ledger.together import together
from jobs.redaction import redact
from jobs.states import TERMINAL_STATES, State

log = structlog.get_logger(__name__)


def actor_named(name: str) -> DeclaredActor:
    """Return the actor that this process knows by `name`.

    Raises:
        dramatiq.ActorNotFound: there is none.
    """
    return cast("DeclaredActor", get_broker().get_actor(name))


def run(
    actor: DeclaredActor, task_id: UUID, worker_id: UUID
) -> tuple[State | None, BaseException | None]:
    """Claim and run one task; return its state afterwards, and the error of a failed attempt.

    The state is None when there was nothing to run, or when another worker owns the task by now.
    """
    token = uuid4()
    failpoint("before_claim", task_id)
    # If a crash of PostgreSQL undid the claim, another worker would repeat the same call.
    is_durable = actor.policy.kind == "external"
    claim = persistently(
        lambda: transitions.claim(task_id, worker_id, token, is_durable=is_durable)
    )
    if claim is None and persistently(lambda: transitions.is_waiting(task_id)):
        claim = persistently(lambda: transitions.claim_limited(task_id, worker_id, token))
        if claim is None:
            persistently(lambda: transitions.hand_back(task_id))
    if claim is None:
        return None, None
    return run_claimed(actor, claim)


def run_claimed(
    actor: DeclaredActor, claim: transitions.Claim
) -> tuple[State | None, BaseException | None]:
    """Run a task that this process has claimed; return the same as `run`."""
    failpoint("after_claim", claim.id)
    with context_of(claim), telemetry.attempt(claim) as ended:
        state, error = _attempt(actor, claim)
        ended(state, error)
    if claim.group_id is not None and state in TERMINAL_STATES:
        persistently(lambda: settling.settle(claim.group_id))
    return state, error


@contextmanager
def context_of(claim: transitions.Claim) -> Iterator[None]:
    """Make `claim` the current task of this thread inside the `with` block, also in its log lines.

    Tasks sent inside have the urgency and the sender of this task.
    """
    context = {"task_id": str(claim.id), "actor": claim.actor, "request_id": claim.request_id}
    with (
        current.running(claim),
        entrance.entering(claim.urgency, sender=claim.created_by),
        structlog.contextvars.bound_contextvars(**context),
    ):
        yield


def _attempt(
    actor: DeclaredActor, claim: transitions.Claim
) -> tuple[State | None, BaseException | None]:
    try:
        _PERFORM[actor.policy.kind](actor, claim)
    except LeaseLost as error:
        log.warning("jobs.lease_lost", attempt=claim.attempt)
        persistently(lambda: transitions.hand_back(claim.id))
        return None, error
    except Postponed as error:
        log.info("jobs.postponed", reason=str(error), seconds=round(error.delay.total_seconds()))
        delay = error.delay
        return persistently(lambda: transitions.put_off(claim, delay)), None
    except BaseException as error:  # noqa: BLE001 - whatever an actor raises ends in the ledger
        return _fail(actor, claim, error), error
    failpoint("after_commit", claim.id)
    return State.SUCCEEDED, None


def _fail(actor: DeclaredActor, claim: transitions.Claim, error: BaseException) -> State | None:
    policy = actor.policy
    # Its str() works even where the error's own does not.
    formatted = traceback.TracebackException.from_exception(error)
    failure = transitions.Failure(
        type(error).__qualname__, redact(str(formatted)), redact("".join(formatted.format()))
    )
    state = persistently(
        lambda: transitions.fail(
            claim,
            failure,
            pause=_pause(policy, claim.attempt, error),
            is_permanent=isinstance(error, PermanentError),
            is_cancelled=isinstance(error, TaskCancelled),
        )
    )
    event = "jobs.attempt_failed" if state else "jobs.lease_lost"
    log.warning(event, attempt=claim.attempt, state=state, error_type=failure.error_type)
    return state


def _pause(policy: Policy, attempt: int, error: BaseException) -> timedelta:
    """Return the pause before the next attempt, longer where the error asks for it."""
    pause = pauses.backoff(attempt, base=policy.min_backoff, maximum=policy.max_backoff)
    asked_for = error.retry_after if isinstance(error, AsksForPause) else None
    return pause if asked_for is None else max(pause, min(asked_for, LONGEST_PAUSE))


def _perform_transactional(actor: DeclaredActor, claim: transitions.Claim) -> None:
    with transaction.atomic(), together():
        _limit_transaction(actor)
        result = run_body(actor, claim)
        transitions.complete(claim, result)


def run_body(actor: DeclaredActor, claim: transitions.Claim) -> Any:
    """Call a transactional actor in the caller's transaction and return its result.

    The duration of the call is noted in `jobs.execution.pace`.
    """
    args, kwargs = claim.arguments()
    began = time.perf_counter()
    result = actor.fn(*args, **kwargs)
    pace.note(actor.actor_name, time.perf_counter() - began)
    return result


def _perform_external(actor: DeclaredActor, claim: transitions.Claim) -> None:
    if in_own_transaction():
        raise InTransaction
    args, kwargs = claim.arguments()
    outcome = actor.fn(*args, **kwargs)
    failpoint("after_call", claim.id)
    # The call cannot be undone, so its outcome is written however long PostgreSQL is down.
    persistently(lambda: _record(actor, claim, outcome))


def _record(actor: DeclaredActor, claim: transitions.Claim, outcome: Any) -> None:
    with transaction.atomic(), together():
        _limit_transaction(actor)
        if actor.record_fn is not None:
            args, kwargs = claim.arguments()
            actor.record_fn(outcome, *args, **kwargs)
        transitions.complete(claim, None)


def _perform_long(actor: DeclaredActor, claim: transitions.Claim) -> None:
    args, kwargs = claim.arguments()
    with unlimited_transactions():
        result = actor.fn(*args, **kwargs)
    with transaction.atomic():
        transitions.complete(claim, result)


def _limit_transaction(actor: DeclaredActor) -> None:
    """Apply the actor's own time limit to the current transaction, if it has one.

    Otherwise the limit of all transactions of a worker applies.
    """
    if actor.policy.transaction_timeout is not None:
        limit_transaction(actor.policy.transaction_timeout)


_PERFORM: dict[str, Callable[[DeclaredActor, transitions.Claim], None]] = {
    "transactional": _perform_transactional,
    "external": _perform_external,
    "long": _perform_long,
}
