"""The JSON and the query parameters of match runs."""

from __future__ import annotations

from datetime import date
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.http.fields import (
    CoordinateField,
    DayField,
    IntegerField,
    LineField,
    NumberField,
    QueryIntegerField,
    SpelledBooleanField,
    StrictBooleanField,
    StrictTextField,
)
from jobs.http.payloads import PayloadSerializer
from jobs.http.queries import QuerySerializer
from matching.models import Kind, Profile
from matching.ranking.serializers import ReasonSerializer
from matching.serializers import LanguagesField, OpportunitySerializer

KEYWORDS_MAX_CHARACTERS = 500


RUN_LIMIT_MAX = 200


RUN_PAGE_SIZE, RUN_PAGE_SIZE_MAX = 100, 200


class NothingSerializer(PayloadSerializer):
    """An empty object, or no body at all."""


class LocationSerializer(PayloadSerializer):
    """A place, in degrees."""

    latitude = CoordinateField(limit=90)
    longitude = CoordinateField(limit=180)


class RunFiltersSerializer(PayloadSerializer):
    """The conditions that a match must meet."""

    kinds = serializers.ListField(
        child=serializers.ChoiceField(Kind.choices),
        max_length=4,
        required=False,
        help_text="Only opportunities of these kinds.",
    )
    category = StrictTextField(
        max_length=120, required=False, help_text="Only of this category; case does not matter."
    )
    languages = LanguagesField(
        required=False, help_text="Only in one of these languages, by tag or name."
    )
    is_remote = StrictBooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Only what can be done from anywhere (true), or only what cannot (false).",
    )
    starts_after = DayField(
        required=False,
        help_text="Starts on this day or later; opportunities without a start are left out.",
    )
    starts_before = DayField(
        required=False,
        help_text="Starts on this day or earlier; opportunities without a start are left out.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (
            "starts_after" in attrs
            and "starts_before" in attrs
            and attrs["starts_before"] < attrs["starts_after"]
        ):
            raise serializers.ValidationError(
                {"starts_before": ["Expected a day not before `starts_after`."]}
            )
        return attrs


@extend_schema_field(
    {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
)
class KeywordsField(LineField):
    """Keywords, as one text or as a list of texts."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, list):
            data = " ".join(StrictTextField(allow_blank=True).run_validation(word) for word in data)
        return super().to_internal_value(data)


class RunRequestSerializer(PayloadSerializer):
    """The request for a match run.

    The profile of the context's `user` decides where a field is left out.
    """

    keywords = KeywordsField(
        max_length=KEYWORDS_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="Words to look for, as a text or a list of texts; else those of your profile.",
    )
    filters = RunFiltersSerializer(
        required=False, help_text="Conditions that every match must meet."
    )
    location = LocationSerializer(
        required=False,
        allow_null=True,
        help_text="The place to look around, instead of that in your profile.",
    )
    radius_km = NumberField(
        min_value=0.1,
        max_value=20_000,
        required=False,
        allow_null=True,
        help_text="The distance from `location`, or from the place in your profile, in kilometres.",
    )
    limit = IntegerField(
        min_value=1,
        max_value=RUN_LIMIT_MAX,
        default=100,
        help_text="How many matches to find at most.",
    )
    min_score = NumberField(
        min_value=0,
        max_value=1,
        required=False,
        allow_null=True,
        help_text=(
            "Only matches with this score or more, from 0 to 1. A score means the same in every"
            " run: below 0.2 there is little in common, above 0.5 much."
        ),
    )
    notify = StrictBooleanField(
        default=False, help_text="Send me a message when the run has ended."
    )
    wait = SpelledBooleanField(
        default=False,
        help_text="Answer when the run has ended, or after a bounded time, instead of at once.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("radius_km") and not attrs.get("location") and not self._has_place():
            raise serializers.ValidationError(
                {"radius_km": ["A radius needs a place: give a `location`; your profile has none."]}
            )
        return attrs

    def _has_place(self) -> bool:
        return Profile.objects.filter(user=self.context["user"], latitude__isnull=False).exists()

    def filters_json(self) -> dict[str, Any]:
        """Return all filters together, in the form in which a run stores them."""
        data = self.validated_data
        filters = {
            name: _as_json(value)
            for name, value in data.get("filters", {}).items()
            if value is not None
        }
        if data.get("location"):
            filters["location"] = dict(data["location"])
        for name in ("radius_km", "min_score"):
            if data.get(name):
                filters[name] = data[name]
        return filters


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


class WaitQuerySerializer(QuerySerializer):
    """The query parameter of requests that can wait for the end of a run."""

    wait = SpelledBooleanField(
        default=False,
        help_text="Answer when the run has ended, or after a bounded time, instead of at once.",
    )


class RunPageSerializer(QuerySerializer):
    """The query of a run: which of its matches are shown."""

    after = QueryIntegerField(
        min_value=0, max_value=1_000_000, default=0, help_text="How many matches to leave out."
    )
    page_size = QueryIntegerField(
        min_value=1,
        max_value=RUN_PAGE_SIZE_MAX,
        default=RUN_PAGE_SIZE,
        help_text="Matches on a page.",
    )


class FoundMatchSerializer(serializers.Serializer[Any]):
    """A match in the result of a run."""

    score = serializers.FloatField(help_text="How well it suits you; higher is better.")
    reasons = ReasonSerializer(many=True, help_text="Why it suits you, the weightiest first.")
    opportunity = OpportunitySerializer()


class StartedRunSerializer(serializers.Serializer[Any]):
    """A match run that was started."""

    task_id = serializers.UUIDField(help_text="The id by which to follow the run.")
    status = serializers.CharField(help_text="`pending`, as of a run that was just started.")
    created_at = serializers.DateTimeField()


class RunStatusSerializer(serializers.Serializer[Any]):
    """The state of a match run, and a page of its matches."""

    task_id = serializers.UUIDField(help_text="The id by which to follow the run.")
    status = serializers.ChoiceField(
        ["pending", "processing", "completed", "failed", "cancelled"],
        help_text="How far the run has come.",
    )
    progress = serializers.FloatField(help_text="The share of the work that is done, from 0 to 1.")
    result = FoundMatchSerializer(
        many=True, allow_null=True, help_text="A page of the matches, once the run is completed."
    )
    next = serializers.CharField(
        allow_null=True, help_text="The address of the next page of the matches."
    )
    error = serializers.CharField(
        allow_null=True, help_text="Why there are no matches; null unless the run failed."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class LegacyAnswerSerializer(serializers.Serializer[Any]):
    """The matches, as the deprecated address answers them."""

    matches = FoundMatchSerializer(many=True, help_text="The best matches, best first.")
    total = serializers.IntegerField(help_text="How many matches were found.")
