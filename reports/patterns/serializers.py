"""Serializers of the payload and the result of the job type `reports.hotspots`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import CoordinateField, IntegerField
from jobs.http.payloads import PeriodSerializer
from reports.fields import CategoryField


class HotspotsPayloadSerializer(PeriodSerializer):
    bbox = serializers.ListField(
        child=CoordinateField(limit=180),
        min_length=4,
        max_length=4,
        help_text="[west, south, east, north] in degrees, as in GeoJSON (RFC 7946, section 5).",
    )
    cell_meters = IntegerField(min_value=50, max_value=5_000, default=250)
    min_reports = IntegerField(
        min_value=2, max_value=1_000, default=3, help_text="How many reports make a cell dense."
    )
    category = CategoryField(required=False)

    def validate_bbox(self, bbox: list[float]) -> list[float]:
        _west, south, _east, north = bbox
        if not -90 <= south <= north <= 90:
            raise serializers.ValidationError(
                "Expected [west, south, east, north] in degrees, with south below north."
            )
        return bbox


class HotspotSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Open reports in it.")
    latitude = serializers.FloatField(help_text="Of the centre: the mean of its reports.")
    longitude = serializers.FloatField()
    radius_meters = serializers.IntegerField(help_text="Of a disc as large as its cells.")
    top_category = serializers.CharField(
        allow_null=True, help_text="The commonest; null when none is known yet."
    )


class HotspotsSerializer(serializers.Serializer[Any]):
    reports = serializers.IntegerField(help_text="Open reports in all hotspots.")
    hotspots = HotspotSerializer(many=True, help_text="Most reports first.")
