"""Serializers of the payload and the result of the job type `forecast`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import QueryIntegerField
from jobs.http.payloads import PayloadSerializer
from reports.forecasting.backtest import needed_days
from reports.forecasting.methods import METHODS


class ForecastPayloadSerializer(PayloadSerializer):
    """From how much history to forecast."""

    history_days = QueryIntegerField(
        min_value=needed_days(),
        max_value=1_830,
        default=730,
        help_text="How many days to look back; fewer where the city has fewer.",
    )


class ExpectedWeekSerializer(serializers.Serializer[Any]):
    """How many reports are expected in one week."""

    category = serializers.CharField(
        allow_null=True, help_text="The slug of the category; null for all."
    )
    area = serializers.CharField(allow_null=True, help_text="The name of the area; null for all.")
    begins_on = serializers.DateField(help_text="The first day of the seven.")
    expected = serializers.FloatField(help_text="Reports expected.")
    low = serializers.IntegerField(help_text="Four weeks of five bring at least so many.")
    high = serializers.IntegerField(help_text="Four weeks of five bring at most so many.")


class ForecastKindSerializer(serializers.Serializer[Any]):
    """The forecast of all series of one kind."""

    kind = serializers.CharField(help_text="`city`, `category`, `area` or `category and area`.")
    series = serializers.IntegerField(help_text="How many series there are.")
    method = serializers.ChoiceField(
        choices=[(name, name) for name in METHODS],
        help_text="The simplest method whose error in the backtest is within 2 % of the least.",
    )
    error = serializers.FloatField(
        help_text="Its errors in the backtest as a share of the reports: mean of weeks and days."
    )
    error_by_method = serializers.DictField(
        child=serializers.FloatField(), help_text="The same of every method."
    )
    coverage = serializers.FloatField(
        help_text="The share of weeks of the backtest within their intervals; .8 is aimed at."
    )
    expected = ExpectedWeekSerializer(
        many=True, help_text="By week; empty for pairs, of which the database has the days."
    )


class ForecastSerializer(serializers.Serializer[Any]):
    """How many reports are expected in the next four weeks."""

    begins_on = serializers.DateField(help_text="The first day of the forecast.")
    history_days = serializers.IntegerField(help_text="How many days it was learned from.")
    needed_days = serializers.IntegerField(
        help_text="How many it takes; with fewer, `kinds` is empty."
    )
    kinds = ForecastKindSerializer(many=True, help_text="One for each kind of series.")
