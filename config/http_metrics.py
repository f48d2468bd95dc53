"""Metrics of requests by route, for all web processes of this machine together.

Each process writes its counts to files in PROMETHEUS_MULTIPROC_DIR, which the web server sets and
`/metrics` of any process adds up. Without that folder a process shows its own counts only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from jobs.ledger.database import fetch
from jobs.operations.metrics import local_registry, web_registry

PREFIX = "civiclens_http_"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Routes of requests without a view: an unknown address, or a request that never reached Django.
UNKNOWN, REFUSED = "unknown", "refused"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_own = CollectorRegistry()
_requests = Counter(
    f"{PREFIX}requests",
    "Requests answered, by route and status.",
    ["method", "route", "status"],
    registry=_own,
)
_seconds = Histogram(
    f"{PREFIX}request_seconds",
    "From the whole request to the answer, waiting for a thread included, for a task's end not.",
    ["method", "route"],
    buckets=SECONDS,
    registry=_own,
)


def count(method: str | None, route: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    verb = method if method in METHODS else "other"
    _requests.labels(verb, route, str(status)).inc()
    _seconds.labels(verb, route).observe(seconds)


def route_of(request: HttpRequest) -> str:
    """Return the route's pattern, which is the same for every id in an address."""
    match = request.resolver_match
    return f"/{match.route}" if match else UNKNOWN


class RequestCollector(Collector):
    """Collects the requests of all processes of this machine."""

    def collect(self) -> Iterator[Metric]:
        """Yield the sums over the files of all processes."""
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if folder is None:
            yield from _own.collect()
            return
        collector = MultiProcessCollector(None, folder)  # type: ignore[no-untyped-call]
        shared = collector.collect()  # type: ignore[no-untyped-call]
        yield from (metric for metric in shared if metric.name.startswith(PREFIX))


class MachineCollector(Collector):
    """Collects the free disk space and the age of the last backup."""

    def collect(self) -> Iterator[Metric]:
        """Yield the size of DATA_DIR's disk, its free space, and the time of the last backup."""
        yield from _disk()
        yield GaugeMetricFamily(
            "civiclens_backup_completed_timestamp_seconds",
            "When BACKUP_STAMP_FILE was last written; 0 if never.",
            _backed_up_at(),
        )


class DatabaseCollector(Collector):
    """Collects the size of the database and the number of connections."""

    def collect(self) -> Iterator[Metric]:
        """Yield the figures, after one query."""
        yield from _connections()


def _disk() -> Iterator[Metric]:
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError:  # there is no such folder yet
        return
    yield GaugeMetricFamily("civiclens_disk_bytes", "Size of the disk of DATA_DIR.", usage.total)
    yield GaugeMetricFamily("civiclens_disk_free_bytes", "What is free of it.", usage.free)


def _backed_up_at() -> float:
    try:
        return os.stat(settings.BACKUP_STAMP_FILE).st_mtime  # noqa: PTH116 - a path by setting
    except OSError:
        return 0.0


def _connections() -> Iterator[Metric]:
    [(used, maximum, size)] = fetch(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
        " current_setting('max_connections')::int, pg_database_size(current_database())",
        (),
    )
    yield GaugeMetricFamily(
        "civiclens_database_connections", "Client connections of the PostgreSQL server.", used
    )
    yield GaugeMetricFamily("civiclens_database_connections_max", "max_connections.", maximum)
    yield GaugeMetricFamily("civiclens_database_bytes", "Size of the database.", size)


def register() -> None:
    """Show these metrics on the web's /metrics."""
    for registry in (web_registry, local_registry):
        registry.register(RequestCollector())
        registry.register(MachineCollector())
    web_registry.register(DatabaseCollector())
