"""What a worker process tells of its attempts as they end: to Prometheus and to the trace."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings
from dramatiq import Broker, Middleware, Worker, get_broker
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs.execution import tracing
from jobs.ledger import transitions
from jobs.states import State
from jobs.transport import fast_path, publisher
from jobs.transport.brokers import LedgerBroker

log = structlog.get_logger(__name__)

#: As many processes of one machine may serve their metrics, each on the first free port from
#: JOBS_METRICS_PORT.
PORTS = 32

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


class ProcessCollector(Collector):
    """What this process knows of its own way to RabbitMQ; does not begin one."""

    def describe(self) -> list[Metric]:
        """Nothing is asked while it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        process, path = [str(os.getpid())], fast_path.current()
        if path is not None:
            missed = CounterMetricFamily(
                "civiclens_fast_path_missed",
                "Tasks sent here that were left to workers and relay.",
                labels=["process"],
            )
            missed.add_metric(process, path.missed)
            yield missed
        if (way := publisher.current()) is not None:
            connected = GaugeMetricFamily(
                "civiclens_publisher_connected",
                "Whether RabbitMQ takes messages from this process.",
                labels=["process"],
            )
            connected.add_metric(process, way.is_connected)
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


@contextmanager
def attempt(
    claim: transitions.Claim,
) -> Iterator[Callable[[State | None, BaseException | None], None]]:
    """Count and trace one attempt; the value takes the state it left its task in and its error."""
    started = time.perf_counter()

    def end(state: State | None, error: BaseException | None) -> None:
        count(claim, state, time.perf_counter() - started)
        if error is not None:
            fail_span(type(error).__qualname__)

    with RUNNING.track_inprogress(), tracing.task_span(claim) as fail_span:
        yield end


def count(claim: transitions.Claim, state: State | None, seconds: float) -> None:
    """Count an attempt that took `seconds` and left its task in `state`; None where somebody else
    owns it by now.
    """
    ATTEMPTS.labels(claim.actor, claim.queue, state or "lost").inc()
    SECONDS.labels(claim.actor).observe(seconds)


class TelemetryMiddleware(Middleware):
    """Serves a worker process's own metrics, and sends its last spans before it ends."""

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """With JOBS_METRICS_PORT, `/metrics` answers on JOBS_METRICS_HOST, which is the loopback
        unless told.
        """
        if settings.JOBS_METRICS_PORT:
            serve_metrics(settings.JOBS_METRICS_HOST, settings.JOBS_METRICS_PORT)

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """No span is left behind."""
        tracer = tracing.tracer()
        if tracer is not None:
            tracer.flush()


def serve_metrics(host: str, first_port: int) -> int | None:
    """Serve this process's metrics on the first free port from `first_port`; return it, None when
    none is free.
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
