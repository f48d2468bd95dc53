"""Compute what the operators' dashboard shows: what waits, runs and fails, how fast, and why."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from jobs.models import AlertEpisode
from jobs.operations import alerts, charts, overview, rollup
from jobs.transport.publisher import publisher

#: How often the page reloads its figures.
REFRESH_SECONDS = 5
ACTOR_LIMIT = 50
#: How long a page waits for a process's first connection to RabbitMQ, and for each answer of it.
BROKER_PATIENCE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Period:
    """A choice of the dashboard: how far its charts look back, in spans of how many seconds."""

    name: str
    length: timedelta
    span: int
    time_format: str


PERIODS = {
    period.name: period
    for period in (
        Period("hour", timedelta(hours=1), rollup.MINUTE, "%H:%M"),
        Period("day", timedelta(days=1), rollup.TEN_MINUTES, "%H:%M"),
        Period("week", timedelta(days=7), rollup.HOUR, "%a %-d"),
    )
}


@dataclass(frozen=True, slots=True)
class Broker:
    """The state of RabbitMQ as this process sees it.

    `ready` has the number of messages that wait in each queue, None where unknown.
    """

    state: str
    ready: dict[str, int | None]


def figures(period: Period) -> dict[str, Any]:
    """Return everything that the dashboard shows, read by a dozen bounded statements."""
    now, buckets = rollup.history(period.length, span=period.span)
    queues, workers, broker = overview.queues(), overview.workers(), ask_broker()
    total = rollup.total(buckets)
    return {
        "now": now,
        "period": period,
        "count_limit": overview.COUNT_LIMIT,
        "total": total,
        "per_minute": total.succeeded / (period.length.total_seconds() / 60),
        "success_rate": 1 - total.failure_rate if total.attempts else None,
        "due": sum(queue.due for queue in queues),
        "delayed": sum(queue.delayed for queue in queues),
        "oldest_seconds": max(queue.oldest_seconds for queue in queues),
        "dead": overview.dead_count(),
        "queues": [(queue, broker.ready.get(queue.name)) for queue in queues],
        "workers": workers,
        "alive": sum(worker.is_alive for worker in workers),
        "running": sum(len(worker.running) for worker in workers),
        "broker": broker,
        "actors": _by_actor(buckets),
        "charts": _charts(now, period, buckets),
        "failure_causes": overview.failure_causes(period.length),
        "dead_causes": overview.dead_causes(),
        "alerts": [
            (episode, alerts.sentence(episode))
            for episode in AlertEpisode.objects.filter(ended_at=None)
        ],
    }


def ask_broker() -> Broker:
    """Return RabbitMQ's state and the depth of each queue, over this process's connection.

    Takes a bounded time, whatever RabbitMQ does.
    """
    if settings.JOBS_TRANSPORT == "embedded":
        return Broker("embedded", {})
    link = publisher()
    deadline = time.monotonic() + BROKER_PATIENCE_SECONDS
    while not link.is_connected and not link.is_blocked and time.monotonic() < deadline:
        time.sleep(0.02)
    if link.is_blocked:
        return Broker("blocked", {})
    ready: dict[str, int | None] = {}
    for queue in settings.JOBS_QUEUES:
        ready[queue] = link.depth(queue, timeout=BROKER_PATIENCE_SECONDS)
        if ready[queue] is None:
            return Broker("down", ready)
    return Broker("up", ready)


@dataclass(frozen=True, slots=True)
class ActorFigures:
    """One row of the actors' table.

    `waits` and `runs` are the seconds that 50, 95 and 99 % of the tasks do not exceed.
    """

    name: str
    summary: rollup.Summary
    waits: list[float | None]
    runs: list[float | None]


def _by_actor(buckets: Iterable[rollup.Bucket]) -> list[ActorFigures]:
    """Return the rows of the busiest actors, busiest first."""
    sums: dict[str, rollup.Summary] = {}
    for bucket in buckets:
        sums.setdefault(bucket.actor, rollup.Summary()).add(bucket.summary)
    busiest = sorted(sums.items(), key=lambda item: -item[1].attempts)[:ACTOR_LIMIT]
    parts = (0.5, 0.95, 0.99)
    return [
        ActorFigures(
            name,
            summary,
            [summary.wait(part) for part in parts],
            [summary.run(part) for part in parts],
        )
        for name, summary in busiest
    ]


@dataclass(frozen=True, slots=True)
class Column:
    """The figures of one span of time, shown where the mouse points at it."""

    at: datetime
    x: float
    width: float
    summary: rollup.Summary
    waits: list[float | None]
    runs: list[float | None]


def _charts(now: datetime, period: Period, buckets: Iterable[rollup.Bucket]) -> dict[str, Any]:
    times = _times(now, period)
    sums = {at: rollup.Summary() for at in times}
    for bucket in buckets:
        if bucket.at in sums:
            sums[bucket.at].add(bucket.summary)
    spans = list(sums.values())
    parts = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    waits = {name: [span.wait(part) for span in spans] for name, part in parts.items()}
    runs = {name: [span.run(part) for span in spans] for name, part in parts.items()}
    width = charts.WIDTH / len(times)
    return {
        "ends": charts.columns(
            {
                kind: [getattr(span, kind) for span in spans]
                for kind in ("succeeded", "failed", "dead")
            }
        ),
        "waits": charts.lines(waits),
        "runs": charts.lines(runs),
        "labels": [
            (index * 100 / len(times), times[index].strftime(period.time_format))
            for index in _ticks(len(times))
        ],
        "columns": [
            Column(
                at,
                place * width,
                width,
                sums[at],
                [line[place] for line in waits.values()],
                [line[place] for line in runs.values()],
            )
            for place, at in enumerate(times)
        ],
    }


def _times(now: datetime, period: Period) -> list[datetime]:
    """Return the beginnings of the spans, oldest first; the last span is still under way."""
    newest = datetime.fromtimestamp(now.timestamp() // period.span * period.span, tz=now.tzinfo)
    count = int(period.length.total_seconds()) // period.span
    return [newest - timedelta(seconds=period.span * back) for back in reversed(range(count))]


def _ticks(count: int) -> list[int]:
    return [count * part // 6 for part in range(6)]
