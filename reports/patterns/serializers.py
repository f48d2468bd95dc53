"""Serializers of the payloads and the results of the job types of patterns."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import CoordinateField, IntegerField, MomentField, NumberField
from jobs.http.payloads import PeriodSerializer
from reports.fields import CategoryField
from reports.patterns.search import LENGTH, Search


class BoxField(serializers.ListField):
    """[west, south, east, north] in degrees; west of its east it crosses the 180th meridian."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            child=CoordinateField(limit=180),
            min_length=4,
            max_length=4,
            help_text="[west, south, east, north] in degrees, as in GeoJSON (RFC 7946, section 5).",
            **options,
        )

    def run_validators(self, value: list[float]) -> None:
        super().run_validators(value)
        _west, south, _east, north = value
        if not -90 <= south <= north <= 90:
            raise serializers.ValidationError(
                "Expected [west, south, east, north] in degrees, with south below north."
            )


class HotspotsPayloadSerializer(PeriodSerializer):
    bbox = BoxField()
    cell_meters = IntegerField(min_value=50, max_value=5_000, default=250)
    min_reports = IntegerField(
        min_value=2, max_value=1_000, default=3, help_text="How many reports make a cell dense."
    )
    category = CategoryField(required=False)


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


class PatternsPayloadSerializer(PeriodSerializer):
    since = MomentField(
        required=False,
        help_text=f"{LENGTH.days} days before `until` unless given; years back are no trouble.",
    )
    bbox = BoxField(required=False)
    category = CategoryField(required=False)
    cell_meters = IntegerField(
        min_value=100,
        max_value=5_000,
        default=Search.cell_meters,
        help_text="The width of the cells of the map in which reports are counted.",
    )
    radius_meters = IntegerField(
        min_value=0,
        max_value=20_000,
        default=Search.radius_meters,
        help_text="How far a crowd may reach around its middle cell, in whole cells up to five.",
    )
    longest_days = IntegerField(
        min_value=1, max_value=90, default=Search.longest_days, help_text="How long a crowd lasts."
    )
    permutations = IntegerField(
        min_value=19,
        max_value=9_999,
        default=Search.permutations,
        help_text="How often the dates are shuffled to see what chance brings.",
    )
    false_discovery_rate = NumberField(
        min_value=0.001,
        max_value=0.5,
        default=Search.false_discovery_rate,
        help_text="The share of the findings that chance may bring, in the mean.",
    )
    recurrence_meters = IntegerField(
        min_value=5,
        max_value=500,
        default=Search.recurrence_meters,
        help_text="Within this distance reports of a category are about one place.",
    )
    least_returns = IntegerField(
        min_value=1,
        max_value=100,
        default=Search.least_returns,
        help_text="How often a problem must have come back after its repair.",
    )
    topic_days = IntegerField(
        min_value=1,
        max_value=365,
        default=Search.topic_days,
        help_text="The last days, whose words are compared with those of the year before.",
    )
    seed = IntegerField(
        min_value=0,
        max_value=2**63 - 1,
        default=Search.seed,
        help_text="Where the random numbers begin: an equal one gives an equal result.",
    )


class PatternsSerializer(serializers.Serializer[Any]):
    reports = serializers.IntegerField(help_text="Public reports that were searched.")
    first_day = serializers.DateField(
        allow_null=True, help_text="The day of the first of them; null if there are none."
    )
    last_day = serializers.DateField(allow_null=True, help_text="The day of the last of them.")
    searches = serializers.IntegerField(
        help_text="Searches that were carried out: each of one category, or of a year of it."
    )
    permutations = serializers.IntegerField(
        help_text="How often dates were shuffled in all; a search ends early if it finds nothing."
    )
    crowds = serializers.IntegerField(
        help_text="Places and days with more reports than place and season let expect."
    )
    recurrences = serializers.IntegerField(
        help_text="Places to which a problem came back after repairs."
    )
    topics = serializers.IntegerField(help_text="Topics that rise.")
    seasons = serializers.IntegerField(
        help_text="Categories and cycles (weekday, hour, month) that are uneven."
    )
