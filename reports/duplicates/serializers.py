"""Duplicates in the API."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from jobs.http.fields import CoordinateField, LineField, ParagraphsField
from reports.duplicates.checking import Repeated
from reports.models import (
    DESCRIPTION_MAX_CHARACTERS,
    TITLE_MAX_CHARACTERS,
    DuplicatePair,
    Status,
)


class UnsentReportSerializer(serializers.Serializer[dict[str, Any]]):
    """A report before it is sent."""

    title = LineField(
        max_length=TITLE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="The problem in a few words.",
    )
    description = ParagraphsField(
        max_length=DESCRIPTION_MAX_CHARACTERS, help_text="What is wrong, and where exactly."
    )
    latitude = CoordinateField(limit=90)
    longitude = CoordinateField(limit=180)


class CandidateSerializer(serializers.Serializer[Repeated]):
    """An open public report that is probably about the same problem."""

    id = serializers.UUIDField(source="report.pk", read_only=True)
    title = serializers.CharField(
        source="report.title", read_only=True, help_text="The problem in a few words."
    )
    description = serializers.CharField(
        source="report.description",
        read_only=True,
        help_text="The problem in its reporter's words.",
    )
    status = serializers.ChoiceField(
        source="report.status",
        choices=Status.choices,
        read_only=True,
        help_text="How far the report has come.",
    )
    category = serializers.CharField(
        source="report.category.slug",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Slug of its category; null until one is chosen.",
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
        source="likeness.reasons",
        child=serializers.CharField(),
        read_only=True,
        help_text="Why it is probably the same problem, in words.",
    )


class CandidatesSerializer(serializers.Serializer[dict[str, Any]]):
    """The answer to the check before sending; empty where nothing like it is open near by."""

    candidates = CandidateSerializer(
        many=True, read_only=True, help_text="The most probable one first."
    )


class DuplicatePairSerializer(serializers.ModelSerializer[DuplicatePair]):
    """Two reports that may be about one problem, and what staff decided."""

    reports = serializers.SerializerMethodField(help_text="The earlier one first.")

    class Meta:
        model = DuplicatePair
        fields = ("reports", "state", "probability", "reasons", "created_at", "decided_at")
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "state": {"help_text": "Whether staff have decided, and how."},
            "created_at": {"help_text": "When it was suggested."},
            "decided_at": {"help_text": "When staff decided; null until then."},
        }

    def get_reports(self, pair: DuplicatePair) -> list[str]:
        return [str(pair.earlier_id), str(pair.later_id)]


class DecisionSerializer(serializers.Serializer[dict[str, Any]]):
    """What staff decide about this report and another one."""

    other = serializers.UUIDField(help_text="The other report.")
