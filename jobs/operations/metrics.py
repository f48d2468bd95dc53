"""Prometheus metrics of the whole installation, served by web processes at `/metrics`.

The counters and histograms by actor come from the rollup: they cover the whole installation,
survive restarts, count every end once, and cost a task nothing. They are a minute late. A worker
process also serves its own, current ones (`jobs.execution.telemetry`).
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from jobs.execution import breakers
from jobs.ledger.database import fetch
from jobs.models import AlertEpisode
from jobs.operations import overview, rollup, web_processes
from jobs.operations.process_metrics import ProcessCollector

log = structlog.get_logger(__name__)


class LedgerCollector(Collector):
    """Collects the metrics of the whole installation, by a handful of bounded statements."""

    def collect(self) -> Iterator[Metric]:
        queues = overview.queues()
        yield from _queue_metrics(queues)
        yield from _level_metrics(queues)
        yield from _worker_metrics(overview.workers())
        yield _web_memory()
        yield from _end_metrics(rollup.totals())
        yield GaugeMetricFamily(
            "civiclens_dead_tasks",
            "Dead tasks that were neither replayed nor discarded; 10000 means at least.",
            overview.dead_count(),
        )
        yield GaugeMetricFamily(
            "civiclens_rollup_lag_seconds",
            "How far the counters by actor are behind; above 120 they have stopped.",
            _lag(),
        )
        yield from _breaker_metrics(breakers.open_seconds())
        alerts = GaugeMetricFamily(
            "civiclens_alert_open", "Rules of JOBS_ALERT_RULES broken now.", labels=["rule"]
        )
        for rule in AlertEpisode.objects.filter(ended_at=None).values_list("rule", flat=True):
            alerts.add_metric([rule], 1)
        yield alerts


def _queue_metrics(queues: Iterable[overview.QueueState]) -> Iterator[Metric]:
    tasks = GaugeMetricFamily(
        "civiclens_queue_tasks",
        "Tasks that wait or run; 10000 means at least.",
        labels=["queue", "state"],
    )
    oldest = GaugeMetricFamily(
        "civiclens_queue_oldest_seconds",
        "How long the oldest due task that is no bulk work has been waiting.",
        labels=["queue"],
    )
    paused = GaugeMetricFamily(
        "civiclens_queue_paused", "1 while an operator has paused the queue.", labels=["queue"]
    )
    for queue in queues:
        for state in ("due", "delayed", "running"):
            tasks.add_metric([queue.name, state], getattr(queue, state))
        oldest.add_metric([queue.name], queue.oldest_seconds)
        paused.add_metric([queue.name], queue.paused_at is not None)
    yield from (tasks, oldest, paused)


def _level_metrics(queues: Iterable[overview.QueueState]) -> Iterator[Metric]:
    labels = ["queue", "urgency"]
    due = GaugeMetricFamily(
        "civiclens_queue_due_tasks", "Due tasks by urgency; 10000 means at least.", labels=labels
    )
    oldest = GaugeMetricFamily(
        "civiclens_queue_due_oldest_seconds",
        "How long the oldest due task of an urgency has been waiting.",
        labels=labels,
    )
    for queue in queues:
        for level in queue.levels:
            names = [queue.name, level.urgency.name.lower()]
            due.add_metric(names, level.due)
            oldest.add_metric(names, level.oldest_seconds)
    yield from (due, oldest)


def _breaker_metrics(open_seconds: Mapping[str, float]) -> Iterator[Metric]:
    seconds = GaugeMetricFamily(
        "civiclens_breaker_open_seconds",
        "How long the circuit breaker of an outside service has been open; 0 while it is closed.",
        labels=["breaker"],
    )
    for name, value in open_seconds.items():
        seconds.add_metric([name], value)
    yield seconds


def _worker_metrics(workers: Sequence[overview.WorkerState]) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "civiclens_workers",
        "Worker processes with a recent heartbeat.",
        sum(worker.is_alive for worker in workers),
    )
    yield GaugeMetricFamily(
        "civiclens_workers_lost",
        "Worker processes that neither ended nor have a recent heartbeat.",
        sum(not worker.is_alive for worker in workers),
    )
    memory = GaugeMetricFamily(
        "civiclens_worker_memory_bytes",
        "Resident memory at the last heartbeat.",
        labels=["hostname", "pid"],
    )
    for worker in workers:
        if worker.is_alive and worker.memory_bytes is not None:
            memory.add_metric([worker.hostname, str(worker.pid)], worker.memory_bytes)
    yield memory


def _web_memory() -> Metric:
    memory = GaugeMetricFamily(
        "civiclens_web_memory_bytes",
        "Resident memory of a web process at its last report.",
        labels=["hostname", "pid"],
    )
    for hostname, pid, size in web_processes.alive():
        memory.add_metric([hostname, str(pid)], size)
    return memory


def _end_metrics(totals: Iterable[rollup.Bucket]) -> Iterator[Metric]:
    labels = ["actor", "queue"]
    ends = CounterMetricFamily(
        "civiclens_tasks", "Tasks that ended, by how.", labels=[*labels, "outcome"]
    )
    failed = CounterMetricFamily(
        "civiclens_task_attempts_failed", "Attempts that failed.", labels=labels
    )
    waits = HistogramMetricFamily(
        "civiclens_task_wait_seconds", "From being due to the start.", labels=labels
    )
    runs = HistogramMetricFamily(
        "civiclens_task_run_seconds", "From the start of an attempt to its end.", labels=labels
    )
    for bucket in totals:
        names, summary = [bucket.actor, bucket.queue], bucket.summary
        for outcome in ("succeeded", "dead", "cancelled"):
            ends.add_metric([*names, outcome], getattr(summary, outcome))
        failed.add_metric(names, summary.failed)
        waits.add_metric(names, _cumulated(summary.wait_counts), summary.wait_seconds)
        runs.add_metric(names, _cumulated(summary.run_counts), summary.run_seconds)
    yield from (ends, failed, waits, runs)


def _cumulated(counts: Sequence[int]) -> list[tuple[str, float]]:
    """Return `counts` as a Prometheus histogram: each class includes all smaller ones."""
    bounds = [*(f"{bound:g}" for bound in rollup.BOUNDS), "+Inf"]
    return [(bound, float(sum(counts[: place + 1]))) for place, bound in enumerate(bounds)]


def _lag() -> float:
    rows = fetch(
        "SELECT EXTRACT(EPOCH FROM statement_timestamp() - at) FROM jobs_mark WHERE name = %s",
        (rollup.MARK,),
    )
    return float(rows[0][0]) if rows else 0.0


#: The metrics that a web process serves; other modules add their own.
web_registry = CollectorRegistry()
web_registry.register(LedgerCollector())
web_registry.register(ProcessCollector())
#: Those it serves while PostgreSQL is down.
local_registry = CollectorRegistry()
local_registry.register(ProcessCollector())


class DatabaseUpCollector(Collector):
    """Collects whether PostgreSQL answered."""

    def __init__(self, *, is_up: bool) -> None:
        self._is_up = is_up

    def collect(self) -> Iterator[Metric]:
        """Yield 1 where PostgreSQL answered, else 0."""
        yield GaugeMetricFamily(
            "civiclens_database_up", "Whether the database answers.", float(self._is_up)
        )


web_registry.register(DatabaseUpCollector(is_up=True))
local_registry.register(DatabaseUpCollector(is_up=False))


@require_safe
def metrics_view(request: HttpRequest) -> HttpResponse:
    """Serve the metrics to clients that send METRICS_TOKEN.

    Without that setting only clients on this machine are served. If PostgreSQL is down, only
    metrics that do not need it are served, and `civiclens_database_up` is 0.
    """
    if not _may_scrape(request):
        status = 401 if settings.METRICS_TOKEN else 403
        headers = {"WWW-Authenticate": "Bearer"} if settings.METRICS_TOKEN else {}
        return HttpResponse(
            "Access denied.\n", status=status, headers=headers, content_type="text/plain"
        )
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    try:
        text = encode(web_registry)
    except (OperationalError, InterfaceError) as error:
        log.warning("metrics_database_unavailable", error=type(error).__name__)
        text = encode(local_registry)
    return HttpResponse(text, content_type=content_type, headers={"Cache-Control": "no-store"})


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    # A proxy on this machine speaks for others, and says so.
    is_forwarded = any(
        name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")
    )
    address = request.META.get("REMOTE_ADDR", "")
    return not is_forwarded and bool(address) and ipaddress.ip_address(address).is_loopback
