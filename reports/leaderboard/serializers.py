"""Serializers of the leaderboard and of the job that computes it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.http.fields import QueryIntegerField, StrictBooleanField
from jobs.http.payloads import PayloadSerializer
from jobs.http.queries import QuerySerializer
from reports.leaderboard import keeping
from reports.models import Area, LeaderboardPeriod

PLACES_MAXIMUM = 100


class LeaderboardPayloadSerializer(PayloadSerializer):
    """Which periods to bring up to date."""

    periods = serializers.MultipleChoiceField(
        choices=LeaderboardPeriod.choices,
        default=set(LeaderboardPeriod.values),
        allow_empty=False,
        help_text="The periods to bring up to date; all by default.",
    )
    is_kept = StrictBooleanField(
        default=True, help_text="Whether to keep the result, to compare it with others later."
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the periods in their order, since a set has none."""
        content = super().to_representation(instance)
        content["periods"] = [
            name for name in LeaderboardPeriod.values if name in content["periods"]
        ]
        return content


class RankSerializer(serializers.Serializer[Any]):
    """One place of a leaderboard."""

    rank = serializers.IntegerField(help_text="From 1; equal points share a rank.")
    name = serializers.CharField(help_text="The display name.")
    points = serializers.IntegerField(help_text="Points gained less points lost.")


class BoardSerializer(serializers.Serializer[Any]):
    """The leaderboard of one period in the city or in one area."""

    period = serializers.ChoiceField(choices=LeaderboardPeriod.choices, help_text="The period.")
    area = serializers.IntegerField(
        allow_null=True, help_text="The id of the area; null for the whole city."
    )
    citizens = serializers.IntegerField(help_text="How many citizens gained points.")
    points = serializers.IntegerField(help_text="The points of all of them.")
    places = serializers.SerializerMethodField(help_text="The first ten.")

    @extend_schema_field(RankSerializer(many=True))
    def get_places(self, board: dict[str, Any]) -> Any:
        return keeping.named(board["places"])


class LeaderboardJobSerializer(serializers.Serializer[Any]):
    """The leaderboards that were brought up to date."""

    boards = BoardSerializer(many=True, help_text="One for each period and area.")


class RankingQuerySerializer(QuerySerializer):
    """The query parameters of the leaderboard."""

    period = serializers.ChoiceField(
        choices=LeaderboardPeriod.choices,
        default=LeaderboardPeriod.MONTH.value,
        help_text="The week, month or year that is under way, or all time.",
    )
    area = serializers.PrimaryKeyRelatedField[Area](
        queryset=Area.objects.all(),
        pk_field=QueryIntegerField(min_value=1),
        required=False,
        help_text="The id of an area: only points for reports there.",
    )
    limit = QueryIntegerField(
        min_value=1, max_value=PLACES_MAXIMUM, default=20, help_text="How many places."
    )


class RankingSerializer(serializers.Serializer[Any]):
    """The first places of a leaderboard, and one's own."""

    period = serializers.ChoiceField(choices=LeaderboardPeriod.choices, help_text="The period.")
    area = serializers.IntegerField(
        allow_null=True, help_text="The id of the area; null for the whole city."
    )
    places = RankSerializer(many=True, help_text="The first places, the highest first.")
    own = RankSerializer(
        allow_null=True,
        help_text="Your own place; null for who is not signed in, gained nothing or left.",
    )
