"""Serializers of requests for help."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from jobs.http.fields import DayField, IntegerField, LineField, ParagraphsField
from jobs.http.payloads import DescribedSerializer, PayloadSerializer
from reports.helping.asking import Wish
from reports.models import NOTE_MAX_CHARACTERS, HelpRequest


class HelpWishSerializer(PayloadSerializer):
    """What neighbours are asked to do; what is left out is taken from the report."""

    title = LineField(max_length=200, required=False, help_text="What it is, in a few words.")
    description = ParagraphsField(
        max_length=10_000, required=False, help_text="What somebody would do, and with what."
    )
    starts_on = DayField(required=False, help_text="The first day; by default it begins at once.")
    ends_on = DayField(required=False, help_text="The last day; by default there is none.")
    capacity = IntegerField(
        min_value=1,
        max_value=10_000,
        required=False,
        help_text="How many people can take part; by default any number.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        starts_on, ends_on = attrs.get("starts_on"), attrs.get("ends_on")
        if ends_on and ends_on < timezone.localdate():
            raise serializers.ValidationError({"ends_on": "Expected today or a day to come."})
        if starts_on and ends_on and ends_on < starts_on:
            raise serializers.ValidationError({"ends_on": "It ends before it starts."})
        return attrs

    @property
    def wish(self) -> Wish:
        return Wish(**self.validated_data)


class HelpDoneSerializer(PayloadSerializer):
    """What the history says about the help, beside that it was done."""

    note = ParagraphsField(
        max_length=NOTE_MAX_CHARACTERS // 2,
        required=False,
        default="",
        allow_blank=True,
        help_text="Everybody who can see the report can read it.",
    )


class HelpRequestSerializer(DescribedSerializer[HelpRequest]):
    """That neighbours are, or were, asked to mend the problem of a report."""

    opportunity = serializers.UUIDField(
        source="opportunity_id", help_text="See `/api/v1/opportunities/{id}/`."
    )
    report = serializers.UUIDField(source="report_id", help_text="The id of the report.")

    class Meta:
        model = HelpRequest
        fields = ("id", "report", "opportunity", "title", "state", "asked_at", "ended_at")
        read_only_fields = fields
