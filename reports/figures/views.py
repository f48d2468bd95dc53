"""The REST API of the city's figures."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.errors import FiguresMissing
from reports.figures import timeseries
from reports.figures.serializers import (
    DashboardSerializer,
    TimeseriesQuerySerializer,
    TimeseriesSerializer,
)
from reports.models import CityFigures

#: They are computed up to four times a minute.
CACHED = {"Cache-Control": "public, max-age=15"}


class DashboardView(APIView):
    """Show the city's figures."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="dashboard_retrieve",
        responses={
            200: DashboardSerializer,
            503: OpenApiResponse(description="They are being computed for the first time."),
        },
        tags=["figures"],
    )
    def get(self, request: Request) -> Response:
        """Show the city's figures.

        How many reports there are, how soon they are answered and repaired, and how many repairs
        were confirmed: of the city and of each department. They are at most a minute old.
        """
        figures = CityFigures.objects.first()
        if figures is None:
            raise FiguresMissing
        content: dict[str, Any] = {"computed_at": figures.computed_at, **figures.content}
        return Response(content, headers=CACHED)


class TimeseriesView(APIView):
    """Show the city's figures over time."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="dashboard_timeseries",
        parameters=[TimeseriesQuerySerializer],
        responses={200: TimeseriesSerializer},
        tags=["figures"],
    )
    def get(self, request: Request) -> Response:
        """Show the city's figures over time.

        Day by day, week by week or month by month, for the whole city or for an area, a category,
        a department, a topic or a source. Each day is one of the city's time zone.
        """
        query = TimeseriesQuerySerializer.read(request)
        span: timeseries.Span = query["span"]
        content = {
            "since": span.since,
            "until": span.until,
            "interval": span.interval.value,
            "points": timeseries.points(span, query["choice"]),
        }
        return Response(TimeseriesSerializer(content).data, headers=CACHED)
