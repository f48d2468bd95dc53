"""Record spans with OpenTelemetry and send them by OTLP over HTTP.

`jobs.execution.tracing` imports this module only where tracing is on. The OTEL_* variables of the
OpenTelemetry specification apply (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER,
OTEL_EXPORTER_OTLP_HEADERS, …). A thread of its own sends the spans; if the collector is down, spans
are lost but no request or task waits.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

#: How long the end of a process waits for its last spans.
FLUSH_MILLISECONDS = 2000

_KINDS = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER}


class OpenTelemetry:
    """The tracer of this process; its sending thread starts again after a fork."""

    def __init__(self, endpoint: str, exporter: SpanExporter | None = None) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "civiclens")})
        self._provider = TracerProvider(resource=resource)
        exporter = exporter or OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("civiclens")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def start_span(
        self, name: str, kind: str, context: Mapping[str, str], attributes: dict[str, Any]
    ) -> Iterator[RecordedSpan]:
        """Open a span below the one in `context`; it is the current span in the `with` block."""
        parent = self._propagator.extract(context) if context else None
        with self._tracer.start_as_current_span(
            name,
            parent,
            _KINDS[kind],
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield RecordedSpan(span)

    def current_context(self) -> dict[str, str]:
        """Return the W3C trace context of the current span; empty where there is none."""
        context: dict[str, str] = {}
        self._propagator.inject(context)
        return context

    def flush(self) -> None:
        """Send the recorded spans; give up after FLUSH_MILLISECONDS."""
        self._provider.force_flush(FLUSH_MILLISECONDS)


class RecordedSpan:
    """A span under way, as the code inside may change it.

    Never add values of arguments: they may be personal.
    """

    def __init__(self, span: Span) -> None:
        self._span = span

    def set_attribute(self, key: str, value: str | int | float | bool) -> None:
        """Add a fact to the span."""
        self._span.set_attribute(key, value)

    def rename(self, name: str) -> None:
        """Replace the span's name, once a better one is known."""
        self._span.update_name(name)

    def fail(self, reason: str) -> None:
        """Mark the span as failed; `reason` is the class of the error, never its message."""
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))
