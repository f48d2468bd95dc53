"""Count and trace the attempts of a worker process, for Prometheus and OpenTelemetry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from jobs.execution import tracing
from jobs.ledger import transitions
from jobs.states import State

ATTEMPTS = Counter(
    "civiclens_worker_attempts",
    "Attempts this process ended, by what followed.",
    ["actor", "queue", "outcome"],
)
SECONDS = Histogram(
    "civiclens_worker_attempt_seconds",
    "How long attempts took in this process.",
    ["actor"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
RUNNING = Gauge("civiclens_worker_running", "Attempts under way in this process.")


@contextmanager
def attempt(
    claim: transitions.Claim,
) -> Iterator[Callable[[State | None, BaseException | None], None]]:
    """Count and trace one attempt inside the `with` block.

    The block gets a function to call with the task's state afterwards and the attempt's error.
    """
    started = time.perf_counter()

    def end(state: State | None, error: BaseException | None) -> None:
        count(claim, state, time.perf_counter() - started)
        if error is not None:
            fail_span(type(error).__qualname__)

    with RUNNING.track_inprogress(), tracing.task_span(claim) as fail_span:
        yield end


def count(claim: transitions.Claim, state: State | None, seconds: float) -> None:
    """Count an attempt that took `seconds` and left its task in `state`.

    The state is None where another worker owns the task by now.
    """
    ATTEMPTS.labels(claim.actor, claim.queue, state or "lost").inc()
    SECONDS.labels(claim.actor).observe(seconds)
