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

    kind = serializers.CharField(help_text="The sort of reason, for programs.")
    text = serializers.CharField(help_text="The reason in words, for people.")
    similarity = serializers.FloatField(
        required=False, help_text="How near the texts are in meaning; 1 is the same."
    )
    kilometers = serializers.FloatField(
        required=False, help_text="How far away it is, in kilometres."
    )


class MatchSerializer(serializers.ModelSerializer[Match]):
    """A saved match."""

    opportunity = OpportunitySerializer(read_only=True, help_text="The opportunity that suits.")
    reasons = ReasonSerializer(
        many=True, read_only=True, help_text="Why it suits you, the weightiest first."
    )

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
