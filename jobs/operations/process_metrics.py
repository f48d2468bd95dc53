"""Prometheus metrics of one process: its connection to RabbitMQ, and a worker's `/metrics`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import structlog
from django.conf import settings
from dramatiq import Broker, Middleware, Worker, get_broker
from prometheus_client import REGISTRY, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs.execution import tracing
from jobs.transport import fast_path, publisher
from jobs.transport.brokers import LedgerBroker

log = structlog.get_logger(__name__)

#: How many processes of one machine may serve their metrics, each on the first free port from
#: JOBS_METRICS_PORT.
PORTS = 32


class ProcessCollector(Collector):
    """Collects the metrics of this process's connection to RabbitMQ, without opening one."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering the collector reads no metric."""
        return []

    def collect(self) -> Iterator[Metric]:
        process, path = [str(os.getpid())], fast_path.current()
        if path is not None:
            missed = CounterMetricFamily(
                "civiclens_fast_path_missed",
                "Tasks this process sent but did not publish itself.",
                labels=["process"],
            )
            missed.add_metric(process, path.missed)
            yield missed
        if (link := publisher.current()) is not None:
            connected = GaugeMetricFamily(
                "civiclens_publisher_connected",
                "1 while RabbitMQ takes messages from this process.",
                labels=["process"],
            )
            connected.add_metric(process, link.is_connected)
            yield connected
        if isinstance(broker := get_broker(), LedgerBroker):
            fed = CounterMetricFamily(
                "civiclens_worker_fed",
                "Tasks this process took from the ledger without a message.",
                labels=["process"],
            )
            fed.add_metric(process, broker.feeder.fed)
            yield fed


REGISTRY.register(ProcessCollector())


class TelemetryMiddleware(Middleware):
    """Serves a worker process's own metrics, and sends its last spans before it ends."""

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Serve `/metrics` on JOBS_METRICS_HOST and JOBS_METRICS_PORT, if a port is set."""
        if settings.JOBS_METRICS_PORT:
            serve_metrics(settings.JOBS_METRICS_HOST, settings.JOBS_METRICS_PORT)

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Send the spans recorded so far."""
        tracer = tracing.tracer()
        if tracer is not None:
            tracer.flush()


def serve_metrics(host: str, first_port: int) -> int | None:
    """Serve this process's metrics on the first free port from `first_port`.

    Return the port, or None when none of PORTS ports is free.
    """
    for port in range(first_port, first_port + PORTS):
        try:
            start_http_server(port, host, REGISTRY)
        except OSError:
            continue
        log.info("jobs.metrics_served", host=host, port=port)
        return port
    log.error("jobs.metrics_without_port", first_port=first_port, last_port=first_port + PORTS - 1)
    return None
