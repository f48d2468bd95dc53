"""The JSON and the filters of matches."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import (
    MomentField,
    QueryNumberField,
)
from jobs.http.queries import QuerySerializer
from matching.models import Kind, Match
from matching.serializers import OpportunitySerializer


class ReasonSerializer(serializers.Serializer[Any]):
    """A reason for a match; some kinds of reasons have a figure."""

    kind = serializers.CharField()
    text = serializers.CharField()
    similarity = serializers.FloatField(required=False)
    kilometers = serializers.FloatField(required=False)


class MatchSerializer(serializers.ModelSerializer[Match]):
    """A saved match."""

    opportunity = OpportunitySerializer(read_only=True)
    reasons = ReasonSerializer(many=True, read_only=True)

    class Meta:
        model = Match
        fields = ("id", "score", "reasons", "opportunity", "created_at", "updated_at")


class MatchFilterSerializer(QuerySerializer):
    """The filters of saved matches."""

    kind = serializers.ChoiceField(
        Kind.choices, required=False, help_text="Only opportunities of this kind."
    )
    min_score = QueryNumberField(required=False, help_text="Only matches with this score or more.")
    new_since = MomentField(
        required=False, help_text="Only matches that were found after this time."
    )
