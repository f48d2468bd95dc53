"""One trace and one request id from the request through its task to the task that one sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import structlog
from django.conf import LazySettings
from django.core.exceptions import MiddlewareNotUsed
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from config.middleware import RequestIdMiddleware
from jobs.execution import tracing
from jobs.execution.opentelemetry import OpenTelemetry
from jobs.models import Attempt, Task
from jobs.testing import run_tasks
from tests.jobs.conftest import Workers, wait_until, wait_until_drained
from tests.jobs.probe.actors import probe_failing, probe_parent

pytestmark = pytest.mark.django_db

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


class Recorded:
    """The spans this process has ended."""

    def __init__(self, tracer: OpenTelemetry, exporter: InMemorySpanExporter) -> None:
        self._tracer, self._exporter = tracer, exporter

    def spans(self) -> dict[str, ReadableSpan]:
        self._tracer.flush()
        return {span.name: span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    exporter = InMemorySpanExporter()
    tracer = OpenTelemetry("http://127.0.0.1:9", exporter)
    monkeypatch.setattr(tracing, "tracer", lambda: tracer)
    return Recorded(tracer, exporter)


def send_in_request(**headers: str) -> HttpResponse:
    """A request that sends a task which sends another, through the middleware that counts."""

    def view(_request: HttpRequest) -> HttpResponse:
        with transaction.atomic():
            probe_parent.send("family", 1)
        return HttpResponse("fine")

    request = RequestFactory().post("/api/v1/reports/", headers=headers)
    request.resolver_match = None
    answer = RequestIdMiddleware(tracing.TracingMiddleware(view))(request)
    assert isinstance(answer, HttpResponse)
    return answer


def test_request_task_and_child_are_one_trace(recorded: Recorded) -> None:
    send_in_request(traceparent=CALLER)
    run_tasks()
    spans = recorded.spans()
    request, parent, child = (
        spans[name] for name in ("POST", "run probe_parent", "run probe_transactional")
    )
    assert {format(span.context.trace_id, "032x") for span in (request, parent, child)} == {TRACE}
    above = [
        format(span.parent.span_id, "016x") for span in (request, parent, child) if span.parent
    ]
    ids = [format(span.context.span_id, "016x") for span in (request, parent)]
    assert above == ["b7ad6b7169203331", *ids]


def test_a_failed_attempt_is_an_error_without_its_words(recorded: Recorded) -> None:
    with transaction.atomic():
        probe_failing.send("+12035550100")
    run_tasks(raise_errors=False)
    span = recorded.spans()["run probe_failing"]
    assert dict(span.attributes or {})["error.type"] == "ValueError"
    assert not span.status.is_ok
    assert "2035550100" not in span.to_json()


def test_probes_are_not_traced(recorded: Recorded) -> None:
    tracing.TracingMiddleware(lambda _request: HttpResponse())(RequestFactory().get("/livez"))
    assert recorded.spans() == {}


def test_without_a_collector_nothing_is_recorded_and_contexts_are_handed_on(
    settings: LazySettings,
) -> None:
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = ""
    tracing.tracer.cache_clear()
    with pytest.raises(MiddlewareNotUsed):
        tracing.TracingMiddleware(lambda _request: HttpResponse())
    with transaction.atomic():
        message = probe_parent.send("family", 1)
    Task.objects.filter(pk=message.message_id).update(trace_context={"traceparent": CALLER})
    run_tasks()
    child = Task.objects.get(actor="probe_transactional")
    assert child.trace_context == {"traceparent": CALLER}


def test_log_lines_of_task_and_child_carry_the_request_id() -> None:
    events: list[dict[str, Any]] = []

    def keep(_logger: object, _name: str, event: dict[str, Any]) -> dict[str, Any]:
        events.append({**structlog.contextvars.get_contextvars(), **event})
        return event

    def view(_request: HttpRequest) -> HttpResponse:
        with transaction.atomic():
            probe_failing.send("luck")
        return HttpResponse("fine")

    RequestIdMiddleware(view)(RequestFactory().get("/", headers={"X-Request-ID": "the-request-1"}))
    config = structlog.get_config()
    processors = config["processors"]
    processors.insert(0, keep)
    try:
        run_tasks(raise_errors=False)
    finally:
        processors.remove(keep)
    failed = next(event for event in events if event["event"] == "jobs.attempt_failed")
    task = Task.objects.get()
    assert (failed["request_id"], failed["task_id"], failed["actor"]) == (
        "the-request-1",
        str(task.pk),
        "probe_failing",
    )


def test_children_inherit_the_request_id() -> None:
    structlog.contextvars.bind_contextvars(request_id="the-request-2")
    try:
        with transaction.atomic():
            probe_parent.send("family", 2)
    finally:
        structlog.contextvars.unbind_contextvars("request_id")
    run_tasks()
    assert set(Task.objects.values_list("request_id", flat=True)) == {"the-request-2"}


def test_what_a_failure_says_is_stored_redacted() -> None:
    with transaction.atomic():
        probe_failing.send("+12035550100")
    run_tasks(raise_errors=False, until_delay=False)
    attempt = Attempt.objects.get(number=1)
    assert attempt.error == "no [redacted] today"
    assert "2035550100" not in attempt.traceback
    assert "probe_failing" in attempt.traceback


class Collector(HTTPServer):
    """An OTLP collector on the loopback that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CollectorHandler)
        self.spans: list[Any] = []


class CollectorHandler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding"):
            raise AssertionError("compressed")
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("transport", ["embedded"])
def test_a_real_worker_sends_its_spans_to_the_collector(
    workers: Workers, collector: Collector
) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}"
    workers.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    workers.start(threads=2)
    with transaction.atomic():
        message = probe_parent.send("family", 2)
        Task.objects.filter(pk=message.message_id).update(trace_context={"traceparent": CALLER})
    wait_until_drained()
    wait_until(lambda: len(collector.spans) == 3, "three spans")
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert sorted(span.name for span in collector.spans) == [
        "run probe_parent",
        *["run probe_transactional"] * 2,
    ]
    assert "family" not in json.dumps([str(span) for span in collector.spans])
