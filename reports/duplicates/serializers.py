"""Duplicates in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import CoordinateField, LineField, ParagraphsField
from reports.duplicates.candidates import Candidate
from reports.models import (
    DESCRIPTION_MAX_CHARACTERS,
    TITLE_MAX_CHARACTERS,
    DuplicatePair,
    Status,
)


class UnsentReportSerializer(serializers.Serializer[dict[str, Any]]):
    """A report before it is sent."""

    title = LineField(max_length=TITLE_MAX_CHARACTERS, required=False, allow_blank=True, default="")
    description = ParagraphsField(max_length=DESCRIPTION_MAX_CHARACTERS)
    latitude = CoordinateField(limit=90)
    longitude = CoordinateField(limit=180)


class CandidateSerializer(serializers.Serializer[Candidate]):
    """An open public report that is probably about the same problem."""

    id = serializers.UUIDField(source="report.pk", read_only=True)
    title = serializers.CharField(source="report.title", read_only=True)
    description = serializers.CharField(source="report.description", read_only=True)
    status = serializers.ChoiceField(source="report.status", choices=Status.choices, read_only=True)
    category = serializers.CharField(
        source="report.category.slug", read_only=True, allow_null=True, default=None
    )
    latitude = serializers.FloatField(source="report.latitude", read_only=True)
    longitude = serializers.FloatField(source="report.longitude", read_only=True)
    created_at = serializers.DateTimeField(source="report.created_at", read_only=True)
    metres = serializers.IntegerField(
        source="likeness.metres", read_only=True, help_text="Distance to your report."
    )
    probability = serializers.FloatField(
        source="likeness.probability", read_only=True, help_text="0 to 1: the same problem."
    )
    reasons = serializers.ListField(
        source="likeness.reasons", child=serializers.CharField(), read_only=True
    )


class CandidatesSerializer(serializers.Serializer[dict[str, Any]]):
    """The answer to the check before sending; empty where nothing like it is open near by."""

    candidates = CandidateSerializer(many=True, read_only=True)


class DuplicatePairSerializer(serializers.ModelSerializer[DuplicatePair]):
    """Two reports that may be about one problem, and what staff decided."""

    reports = serializers.SerializerMethodField(help_text="The earlier one first.")

    class Meta:
        model = DuplicatePair
        fields = ("reports", "state", "probability", "reasons", "created_at", "decided_at")
        read_only_fields = fields

    def get_reports(self, pair: DuplicatePair) -> list[str]:
        return [str(pair.earlier_id), str(pair.later_id)]


class DecisionSerializer(serializers.Serializer[dict[str, Any]]):
    """What staff decide about this report and another one."""

    other = serializers.UUIDField(help_text="The other report.")
