"""Metrics of the pool of database connections in web processes.

Many short requests share few connections. A worker has no pool: each of its threads keeps its own
connection.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs.operations.metrics import web_registry


class PoolCollector(Collector):
    """Collect `db_pool_connections` by state: in use, idle, and requests that wait for one."""

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "db_pool_connections", "Connections of this process's pool.", labels=["state"]
        )
        pool = getattr(connection, "pool", None)
        if pool is not None:
            stats = pool.get_stats()
            size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
            for state, value in (
                ("in_use", size - idle),
                ("idle", idle),
                ("waiting", stats.get("requests_waiting", 0)),
            ):
                gauge.add_metric([state], value)
        yield gauge


def register() -> None:
    """Show the pool's figures on the web's /metrics."""
    web_registry.register(PoolCollector())
