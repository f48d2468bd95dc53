"""Trace a request, the tasks it sends and the tasks those send as one trace.

Without OTEL_EXPORTER_OTLP_ENDPOINT nothing is recorded and OpenTelemetry is not even imported; the
trace context of a task is then passed on to the tasks it sends unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from jobs.execution.current import current_claim
from jobs.ledger import transitions

#: Requests that are not traced: probes, scrapes and static files.
UNTRACED_PATHS = ("/livez", "/readyz", "/api/v1/health", "/metrics", "/static/")


class Tracer(Protocol):
    """Records spans; `jobs.execution.opentelemetry` has the implementation."""

    def start_span(
        self, name: str, kind: str, context: dict[str, str], attributes: dict[str, Any]
    ) -> Any:
        """Return a context manager; its value has `set_attribute`, `rename` and `fail`."""

    def current_context(self) -> dict[str, str]:
        """Return the W3C trace context of the current span; empty where there is none."""

    def flush(self) -> None:
        """Send the recorded spans, or give up after a while."""


@cache
def tracer() -> Tracer | None:
    """Return the tracer of this process, or None where tracing is off."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return None
    loaded: Tracer = import_module("jobs.execution.opentelemetry").OpenTelemetry(
        settings.OTEL_EXPORTER_OTLP_ENDPOINT
    )
    return loaded


def context_to_send() -> dict[str, str] | None:
    """Return the trace context for a task that is sent here."""
    recording = tracer()
    if recording is not None and (context := recording.current_context()):
        return context
    parent = current_claim()
    return parent.trace_context if parent else None


@contextmanager
def task_span(claim: transitions.Claim) -> Iterator[Callable[[str], None]]:
    """Record the attempt as a span below the one that sent the task.

    The `with` block gets a function to call with the reason of a failure.
    """
    recording = tracer()
    if recording is None:
        yield lambda _reason: None
        return
    attributes = {
        "messaging.system": "civiclens",
        "messaging.operation.type": "process",
        "messaging.destination.name": claim.queue,
        "messaging.message.id": str(claim.id),
        "civiclens.actor": claim.actor,
        "civiclens.attempt": claim.attempt,
        "civiclens.request_id": claim.request_id,
    }
    with recording.start_span(
        f"run {claim.actor}", "consumer", claim.trace_context or {}, attributes
    ) as span:
        yield span.fail


class TracingMiddleware:
    """Records each request as a span, below the caller's where `traceparent` names one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        recording = tracer()
        if recording is None:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self._tracer: Tracer = recording

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(UNTRACED_PATHS):
            return self.get_response(request)
        context = {
            name: request.headers[name]
            for name in ("traceparent", "tracestate")
            if name in request.headers
        }
        attributes = {"http.request.method": request.method, "url.path": request.path_info}
        with self._tracer.start_span(str(request.method), "server", context, attributes) as span:
            response = self.get_response(request)
            route = request.resolver_match.route if request.resolver_match else ""
            span.rename(f"{request.method} /{route}".rstrip("/ "))
            span.set_attribute("http.route", f"/{route}")
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.fail(str(response.status_code))
        return response
