"""Health checks, the OpenAPI document, and the pages that explain problem types."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.utils import OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from config import health, schema
from config.problems import PROBLEM_TYPES
from config.serializers import HealthSerializer
from jobs.http.views import PublicView


class HealthView(PublicView):
    """Answer 200 when requests can be answered (`ok`, `degraded`), 503 when not (`down`)."""

    @extend_schema(
        operation_id="health",
        tags=["health"],
        responses={
            200: HealthSerializer,
            503: OpenApiResponse(
                HealthSerializer, description="The database does not answer or cannot write."
            ),
        },
    )
    def get(self, request: Request) -> Response:
        """Check the database, its disk, the task ledger and the message broker.

        `ok`: all is well. `degraded`: requests are answered, but background work is late or the
        broker is away. `down`: the database does not answer or cannot write (status 503).
        """
        report = health.report()
        return Response(
            report,
            status=503 if report["status"] == "down" else 200,
            headers={"Cache-Control": "no-store"},
        )


class LiveView(PublicView):
    """Answer 200 while this process runs.

    No other service is asked, so that an outage elsewhere restarts no process.
    """

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"}, headers={"Cache-Control": "no-store"})


class SchemaView(PublicView):
    """Return the OpenAPI document as YAML or JSON, whichever `Accept` names."""

    renderer_classes = SpectacularAPIView.renderer_classes

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Return the OpenAPI document of this API."""
        renderer = request.accepted_renderer
        content = schema.document.written_by(renderer)
        response = HttpResponse(content, content_type=f"{renderer.media_type}; charset=utf-8")
        response["Vary"] = "Accept"
        return response


def problem_page(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """Explain one problem type, or list them all."""
    if slug is not None and slug not in PROBLEM_TYPES:
        raise Http404
    types = PROBLEM_TYPES.values() if slug is None else [PROBLEM_TYPES[slug]]
    return render(request, "problems/page.html", {"problem_types": types, "is_list": slug is None})
