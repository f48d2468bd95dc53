"""Every actor says which outage it is meant to outlast, and its attempts do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dramatiq import get_broker

from jobs.execution.declaration import LedgerActor
from jobs.ledger.pauses import attempts_to_outlast, backoff

ACTORS = [
    actor
    for actor in get_broker().actors.values()
    if isinstance(actor, LedgerActor)
    and not actor.fn.__module__.startswith(("tests", "benchmarks"))
]


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: str(actor.actor_name))
def test_an_actor_outlasts_what_it_says(actor: LedgerActor[..., object]) -> None:
    policy = actor.policy
    assert policy.outlasts is not None, "Say which outage it is meant to outlast: `outlasts=`."
    if policy.is_at_most_once:
        return
    pauses = [
        backoff(attempt, base=policy.min_backoff, maximum=policy.max_backoff)
        for attempt in range(1, policy.max_attempts)
    ]
    assert sum(pauses, timedelta()) >= policy.outlasts


def test_there_are_actors() -> None:
    assert len(ACTORS) > 15


@pytest.mark.parametrize("outage", [timedelta(0), timedelta(seconds=3), timedelta(hours=24)])
def test_no_more_attempts_than_it_takes(outage: timedelta) -> None:
    base, maximum = timedelta(seconds=1), timedelta(minutes=30)
    attempts = attempts_to_outlast(outage, base=base, maximum=maximum)
    least = sum(
        (min(maximum, base * 2.0 ** min(number, 30)) / 2 for number in range(attempts - 2)),
        timedelta(),
    )
    assert attempts == 1 or least < outage
