"""Bundles: many short tasks in one transaction.

For a short task, what surrounds it costs several times as much as the task: its claim, BEGIN,
COMMIT and the wait for the disk. One statement claims a bundle, the actors run one after the other
in one transaction, and one statement ends the tasks. Each task still needs its own valid claim, and
its effects still commit together with its end. If anything goes wrong, the transaction is rolled
back and each task runs alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from jobs.execution import attempts, pace, settling, telemetry, tracing
from jobs.execution.policy import DeclaredActor
from jobs.failpoints import failpoint
from jobs.ledger import outbox, transitions
from jobs.ledger.database import fetch, persistently
from jobs.ledger.picking import Picking
from jobs.process import process_id
from jobs.states import State
from jobs.urgency import IS_BULK, IS_FOREGROUND

log = structlog.get_logger(__name__)

#: The most tasks in a bundle, and the time within which all of them are likely to end.
BUNDLE_TASKS = 32
BUNDLE_SECONDS = 0.02
#: After this time a transaction ends and the rest of the bundle runs in another, since other
#: transactions may wait for its locks.
TRANSACTION_SECONDS = 0.01
#: Tasks of actors that take longer run alone.
SHORT_SECONDS = 0.005

#: Due for the first time and under no concurrency limit. Tasks that the relay still leaves to the
#: fast path count too.
_UNCLAIMED = f"""
    {transitions.MAY_START} AND publish_at <= statement_timestamp() + %(grace)s
    AND attempt = 0 AND limit_key IS NULL
"""
_ANY = f"SELECT FROM jobs_task WHERE queue = %(queue)s AND {IS_FOREGROUND} AND {_UNCLAIMED} LIMIT 1"
_FOREGROUND = Picking(f"{_UNCLAIMED} AND {IS_FOREGROUND} AND actor = ANY(%(actors)s)")
_BULK = Picking(f"{_UNCLAIMED} AND {IS_BULK} AND actor = ANY(%(actors)s)")


def short_actors(queue: str) -> list[str]:
    """Return the actors of `queue` that may run in bundles, going by their runs in this process."""
    quick = [attempts.actor_named(name) for name in pace.quicker_than(SHORT_SECONDS)]
    return [
        actor.actor_name
        for actor in quick
        if actor.queue_name == queue and actor.policy.transaction_timeout is None
    ]


def is_any_unclaimed(queue: str) -> bool:
    """Return whether `queue` has a task that may be claimed here, with one small statement."""
    parameters = {"queue": queue, "grace": outbox.fast_path_grace()}
    return bool(fetch(_ANY, parameters, is_prepared=True, is_search=True))


def claim(
    queue: str, actors: Sequence[str], *, first: UUID | None = None, is_bulk: bool = False
) -> list[transitions.Claim]:
    """Claim a bundle of due tasks of `actors`, whose tasks are short.

    The task `first` is in it if it waits for its first attempt. Either bulk work alone (`is_bulk`)
    or everything else.
    """
    slowest = max(map(pace.of, actors))
    limit = min(BUNDLE_TASKS, max(int(BUNDLE_SECONDS / slowest), 1)) if slowest else BUNDLE_TASKS
    return _claim(queue, actors, limit=limit, is_durable=False, first=first, is_bulk=is_bulk)


def claim_one(
    queue: str, actors: Sequence[str], *, is_bulk: bool = False
) -> list[transitions.Claim]:
    """Claim the most urgent due task of `actors`, of any kind; return one claim or none."""
    return _claim(queue, actors, limit=1, is_durable=True, is_bulk=is_bulk)


def _claim(
    queue: str,
    actors: Sequence[str],
    *,
    limit: int,
    is_durable: bool,
    first: UUID | None = None,
    is_bulk: bool,
) -> list[transitions.Claim]:
    token, picking = uuid4(), _BULK if is_bulk else _FOREGROUND
    parameters = {"actors": list(actors), "grace": outbox.fast_path_grace()}
    try:
        with transaction.atomic():
            picked = [task.id for task in picking.lock(queue, limit, **parameters)]
            locked = (
                [first] if first and first not in picked and transitions.lock_untried(first) else []
            )
            locked += picked
            return (
                transitions.claim_many(locked, process_id(), token, is_durable=is_durable)
                if locked
                else []
            )
    except (OperationalError, InterfaceError) as error:
        # The claim may have been committed all the same. Then the tasks count as running in this
        # process, and no other would rescue them.
        log.warning("jobs.bundle_unsure", error_type=type(error).__name__)
        connection.close()
        return persistently(lambda: transitions.claims_of(process_id(), token))


def run(claims: Sequence[transitions.Claim]) -> list[UUID]:
    """Run claimed tasks of short actors; return the ids of those that succeeded.

    The others have failed, each in an attempt of its own.
    """
    bundle = [(attempts.actor_named(claim.actor), claim) for claim in sorted(claims, key=_subject)]
    ended = 0
    try:
        while ended < len(bundle):
            ended += _run_together(bundle[ended:])
    except BaseException as error:  # noqa: BLE001 - alone, each task's error ends in the ledger
        log.info(
            "jobs.bundle_broken", tasks=len(bundle) - ended, error_type=type(error).__qualname__
        )
        if isinstance(error, (OperationalError, InterfaceError)):
            connection.close()
    alone = [
        claim.id
        for actor, claim in bundle[ended:]
        if attempts.run_claimed(actor, claim)[0] == State.SUCCEEDED
    ]
    return [claim.id for _, claim in bundle[:ended]] + alone


def _subject(claim: transitions.Claim) -> str:
    """Return what orders the tasks of a bundle: what they are about, their first argument.

    A bundle keeps the locks of all its tasks until its end. Two bundles that lock the same rows in
    opposite orders wait for each other, until PostgreSQL ends one of them after a second.
    """
    return str(claim.args[:1])


def _run_together(bundle: Sequence[tuple[DeclaredActor, transitions.Claim]]) -> int:
    """Run as many tasks of the bundle as fit into one short transaction; return their number."""
    runs: list[tuple[transitions.Claim, Any, float]] = []
    ends_at = time.monotonic() + TRANSACTION_SECONDS
    with transaction.atomic():
        for actor, claim in bundle:
            runs.append((claim, *_run_body(actor, claim)))
            if time.monotonic() > ends_at:
                break
        transitions.complete_many(
            [claim for claim, _, _ in runs], [result for _, result, _ in runs]
        )
    for claim, _, seconds in runs:
        failpoint("after_bundle", claim.id)
        telemetry.count(claim, State.SUCCEEDED, seconds)
    for group_id in {claim.group_id for claim, _, _ in runs} - {None}:
        persistently(lambda group_id=group_id: settling.settle(group_id))  # type: ignore[misc]
    return len(runs)


def _run_body(actor: DeclaredActor, claim: transitions.Claim) -> tuple[Any, float]:
    failpoint("in_bundle", claim.id)
    began = time.perf_counter()
    with attempts.context_of(claim), telemetry.RUNNING.track_inprogress(), tracing.task_span(claim):
        result = attempts.run_body(actor, claim)
    return result, time.perf_counter() - began
