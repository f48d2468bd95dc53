"""The filters of the list of opportunities, and the JSON of interactions with them."""

from __future__ import annotations

from rest_framework import serializers

from jobs import numbers
from jobs.http.fields import (
    DayField,
    QueryBooleanField,
    QueryNumberField,
    StrictTextField,
)
from jobs.http.queries import QuerySerializer
from matching.errors import LanguageUnknown
from matching.models import Interaction, Kind
from matching.text import languages


class InteractionSerializer(serializers.ModelSerializer[Interaction]):
    """An interaction of a citizen with an opportunity."""

    opportunity = serializers.UUIDField(
        source="opportunity_id", read_only=True, help_text="The id of the opportunity."
    )

    class Meta:
        model = Interaction
        fields = ("opportunity", "kind")
        read_only_fields = fields


class OpportunityFilterSerializer(QuerySerializer):
    """The filters of the list of opportunities."""

    q = StrictTextField(
        max_length=200,
        required=False,
        help_text="Words to search for; quotation marks, `or` and `-` work as in a web search.",
    )
    kind = serializers.ChoiceField(
        Kind.choices, required=False, help_text="Only opportunities of this kind."
    )
    category = StrictTextField(
        max_length=120, required=False, help_text="Only of this category; case does not matter."
    )
    organisation = StrictTextField(
        max_length=200, required=False, help_text="Only of the organisation with this name."
    )
    language = StrictTextField(
        max_length=80,
        required=False,
        help_text="Only in this language, by its tag (`es`) or name (`Español`).",
    )
    remote = QueryBooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Only what can be done from anywhere (true), or only what cannot (false).",
    )
    near = serializers.RegexField(
        rf"^{numbers.LATITUDE_PATTERN},{numbers.LONGITUDE_PATTERN}$",
        max_length=60,
        required=False,
        help_text="Only around this place: `latitude,longitude` in degrees.",
    )
    radius_km = QueryNumberField(
        min_value=0.1, max_value=500, default=10, help_text="How far from `near`, in kilometres."
    )
    starts_after = DayField(required=False, help_text="Only what starts on this day or later.")
    ends_before = DayField(required=False, help_text="Only what ends on this day or earlier.")
    past = QueryBooleanField(
        default=False,
        help_text=(
            "Also opportunities that are over or full, and withdrawn ones that you applied for, "
            "saved or dismissed."
        ),
    )
    acted = serializers.ChoiceField(
        Interaction.Kind.choices,
        required=False,
        help_text=(
            "Only what you applied for, saved or dismissed, open or not; you must be signed in."
        ),
    )

    def validate_language(self, text: str) -> list[str]:
        try:
            tags = languages.tags_of([text])
        except LanguageUnknown as error:
            raise serializers.ValidationError(str(error)) from error
        if not tags:
            raise serializers.ValidationError("Not a language.")
        return tags

    def validate_near(self, text: str) -> tuple[float, float]:
        latitude, longitude = (numbers.decimal(part) for part in text.split(","))
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise serializers.ValidationError("latitude,longitude in degrees.")
        return latitude, longitude
