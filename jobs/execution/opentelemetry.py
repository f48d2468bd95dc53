"""`jobs.execution.tracing` through OpenTelemetry, sent by OTLP over HTTP. Imported only where
tracing is on.

The OTEL_* variables of the OpenTelemetry specification apply (OTEL_SERVICE_NAME,
OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, …). Sending happens in a thread of its own; a
collector that is away costs spans, never time.
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
    """The tracer of this process; the sending thread begins anew after a fork."""

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
        """A span that is current inside the `with` block, below the one `context` names."""
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
        """The W3C trace context of the current span; empty outside any."""
        context: dict[str, str] = {}
        self._propagator.inject(context)
        return context

    def flush(self) -> None:
        """What was recorded has been sent, or given up."""
        self._provider.force_flush(FLUSH_MILLISECONDS)


class RecordedSpan:
    """What the code inside a span may add; never values of arguments, which may be personal."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def set_attribute(self, key: str, value: str | int | float | bool) -> None:
        """Add a fact."""
        self._span.set_attribute(key, value)

    def rename(self, name: str) -> None:
        """The name is known better now."""
        self._span.update_name(name)

    def fail(self, reason: str) -> None:
        """What the span stands for failed: `reason` is a class of errors, not a message."""
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))
