"""Alerts: notify operators when a rule of JOBS_ALERT_RULES is broken, and when that is over.

One worker process at a time checks the rules every CHECK_SECONDS. If no worker runs, no rule is
checked; `/readyz` and Prometheus watch from outside and report that.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from uuid_utils.compat import uuid7

from jobs.execution import breakers
from jobs.ledger.database import execute, fetch
from jobs.operations import health, overview, rollup, web_processes

if TYPE_CHECKING:
    from jobs.models import AlertEpisode

log = structlog.get_logger(__name__)

CHECK_SECONDS = 30
#: An episode ends once its rule has been kept for this long.
CALM = timedelta(seconds=90)
#: The failure rate covers this period, and counts as 0 with fewer attempts than these.
RATE_PERIOD = timedelta(minutes=10)
RATE_ATTEMPTS = 20
HEALTH_TIMEOUT_SECONDS = 10

MARK = "alerts"
Phase = Literal["began", "ended"]


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows none: what would redirect counts as the answer."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_WITHOUT_REDIRECTIONS = urllib.request.build_opener(_Redirections)


class OperatorNotifier(Protocol):
    """A function that notifies operators; JOBS_OPERATOR_NOTIFIER names one.

    It is called in the transaction that begins or ends the episode.
    """

    def __call__(self, episode_id: UUID, phase: Phase) -> object: ...


def _oldest_seconds() -> float:
    """Return for how many seconds the oldest due task of a queue that is not paused has waited."""
    return max(
        (queue.oldest_seconds for queue in overview.queues() if queue.paused_at is None),
        default=0.0,
    )


def _failure_rate() -> float:
    recent = rollup.recent(RATE_PERIOD)
    return recent.failure_rate if recent.attempts >= RATE_ATTEMPTS else 0.0


def _health_seconds() -> float:
    """Return how many seconds JOBS_HEALTH_URL takes to answer with a status of 2xx.

    Without such an answer return HEALTH_TIMEOUT_SECONDS, even if an error comes at once.
    Without JOBS_HEALTH_URL return how long PostgreSQL and RabbitMQ take together.
    """
    started = time.monotonic()
    if not settings.JOBS_HEALTH_URL:
        overview.queues()
        health.broker_state()
        return time.monotonic() - started
    if not _is_healthy(settings.JOBS_HEALTH_URL):
        return HEALTH_TIMEOUT_SECONDS
    return time.monotonic() - started


def _is_healthy(address: str) -> bool:
    """Return whether the address itself answers 2xx.

    A redirection, such as one to a page for signing in, is no such answer.
    """
    try:
        with _WITHOUT_REDIRECTIONS.open(address, timeout=HEALTH_TIMEOUT_SECONDS) as answer:
            return bool(200 <= answer.status < 300)
    except (OSError, HTTPException):  # an error status is an OSError too
        return False


def _breaker_seconds() -> float:
    return max(breakers.open_seconds().values(), default=0)


def _worker_memory() -> float:
    return max(
        (worker.memory_bytes or 0 for worker in overview.workers() if worker.is_alive), default=0
    )


#: For each rule the function that measures it, and the sentence for a value above its threshold.
#: Apps add theirs in `ready()`.
MEASURES: dict[str, tuple[Callable[[], float], str]] = {
    "dead_tasks": (overview.dead_count, "{value:.0f} tasks are dead (more than {threshold:.0f})."),
    "oldest_seconds": (
        _oldest_seconds,
        "A due task has been waiting for {value:.0f} s (more than {threshold:.0f} s).",
    ),
    "failure_rate": (
        _failure_rate,
        "{value:.0%} of the attempts fail (more than {threshold:.0%}).",
    ),
    "health_seconds": (
        _health_seconds,
        "The health check takes {value:.1f} s (more than {threshold:.1f} s).",
    ),
    "breaker_open_seconds": (
        _breaker_seconds,
        "A provider has been out for {value:.0f} s (more than {threshold:.0f} s).",
    ),
    "web_memory_bytes": (
        web_processes.largest_memory,
        "A web process uses {value:,.0f} bytes of memory (more than {threshold:,.0f}).",
    ),
    "worker_memory_bytes": (
        _worker_memory,
        "A worker uses {value:,.0f} bytes of memory (more than {threshold:,.0f}).",
    ),
}


def check() -> None:
    """Check every rule, unless some process has done so within CHECK_SECONDS."""
    if not _take_turn():
        return
    for rule, threshold in settings.JOBS_ALERT_RULES.items():
        if rule in MEASURES:  # else its app is not installed
            measure, _ = MEASURES[rule]
            judge(rule, measure(), threshold)
    execute(
        "UPDATE jobs_alertepisode SET ended_at = statement_timestamp() WHERE ended_at IS NULL AND "
        "NOT rule = ANY(%s)",
        (list(settings.JOBS_ALERT_RULES),),
    )


def _take_turn() -> bool:
    """Claim the next check of the rules for this process; return whether it got it.

    Of all processes one gets it, at most once every CHECK_SECONDS.
    """
    sql = """
        INSERT INTO jobs_mark AS m (name, at) VALUES (%s, statement_timestamp())
        ON CONFLICT (name) DO UPDATE SET at = excluded.at
            WHERE m.at <= excluded.at - make_interval(secs => %s)
    """
    return bool(execute(sql, (MARK, CHECK_SECONDS)))


def judge(rule: str, value: float, threshold: float) -> None:
    """Begin, continue or end the episode of `rule`, going by the measured `value`.

    Operators are notified of a beginning or an end in the same transaction.
    """
    with transaction.atomic():
        episode = _go_on(rule, value, threshold) if value > threshold else _calm(rule)
        if episode is not None:
            _notify(*episode)


def _go_on(rule: str, value: float, threshold: float) -> tuple[UUID, Phase] | None:
    new_id = uuid7()
    [(episode_id,)] = fetch(
        """
        INSERT INTO jobs_alertepisode (id, rule, threshold, value, started_at)
        VALUES (%s, %s, %s, %s, statement_timestamp())
        ON CONFLICT (rule) WHERE ended_at IS NULL DO UPDATE SET calm_since = NULL RETURNING id
        """,
        (new_id, rule, threshold, value),
    )
    return (new_id, "began") if episode_id == new_id else None


def _calm(rule: str) -> tuple[UUID, Phase] | None:
    rows = fetch(
        """
        UPDATE jobs_alertepisode SET calm_since = coalesce(calm_since, statement_timestamp()),
            ended_at = CASE WHEN calm_since <= statement_timestamp() - %s
                THEN statement_timestamp() END
        WHERE rule = %s AND ended_at IS NULL RETURNING id, ended_at IS NOT NULL
        """,
        (CALM, rule),
    )
    return (rows[0][0], "ended") if rows and rows[0][1] else None


def _notify(episode_id: UUID, phase: Phase) -> None:
    log.warning("jobs.alert", episode_id=str(episode_id), phase=phase)
    if settings.JOBS_OPERATOR_NOTIFIER:
        notifier: OperatorNotifier = import_string(settings.JOBS_OPERATOR_NOTIFIER)
        notifier(episode_id, phase)


def sentence(episode: AlertEpisode) -> str:
    """Return in a sentence what was measured when the episode began."""
    if episode.rule not in MEASURES:
        return episode.rule
    _, template = MEASURES[episode.rule]
    return template.format(value=episode.value, threshold=episode.threshold)


def describe(episode: AlertEpisode, phase: Phase) -> tuple[str, str]:
    """Return subject and text of the message about the episode's beginning or end."""
    text = sentence(episode)
    if phase == "began":
        return (
            f"CivicLens: {episode.rule}",
            f"{text}\nSince {episode.started_at:%Y-%m-%d %H:%M:%S %Z}.",
        )
    return (
        f"CivicLens: {episode.rule} is well again",
        f"It is over. It began {episode.started_at:%Y-%m-%d %H:%M %Z}: {text}",
    )
