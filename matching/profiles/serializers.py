"""The JSON of a citizen's own profile."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import (
    CoordinateField,
    LineField,
    NumberField,
    ParagraphsField,
    StrictBooleanField,
)
from jobs.http.payloads import DescribedSerializer
from matching.models import Kind, Profile
from matching.serializers import LanguagesField, WordsField, require_whole_place


class ProfileSerializer(DescribedSerializer[Profile]):
    """A citizen's profile.

    PUT replaces it: a field that is left out becomes empty, except for `wants_match_notices`, which
    is left unchanged.
    """

    headline = LineField(max_length=200, allow_blank=True, default="")
    about = ParagraphsField(max_length=5000, allow_blank=True, default="")
    skills = WordsField(default=list)
    interests = WordsField(default=list)
    wants = serializers.ListField(
        child=serializers.ChoiceField(Kind.choices), max_length=4, default=list
    )
    availability = LineField(max_length=300, allow_blank=True, default="")
    languages = LanguagesField(default=list)
    latitude = CoordinateField(limit=90, allow_null=True, default=None)
    longitude = CoordinateField(limit=180, allow_null=True, default=None)
    radius_km = NumberField(min_value=0.1, max_value=20_000, allow_null=True, default=None)
    visibility = serializers.ChoiceField(
        Profile.Visibility.choices, default=Profile.Visibility.PRIVATE
    )
    wants_match_notices = StrictBooleanField(
        required=False, help_text="Whether to be notified of new matches."
    )

    class Meta:
        model = Profile
        fields = (
            "headline",
            "about",
            "skills",
            "interests",
            "wants",
            "availability",
            "languages",
            "latitude",
            "longitude",
            "radius_km",
            "visibility",
            "wants_match_notices",
            "version",
            "onboarded_at",
            "updated_at",
        )
        read_only_fields = ("version", "onboarded_at", "updated_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("latitude" in attrs) != (
            "longitude" in attrs
        ):  # the other half is in the stored profile
            raise serializers.ValidationError(
                {"longitude": ["latitude and longitude go together."]}
            )
        require_whole_place(attrs)
        if "wants" in attrs:
            attrs["wants"] = list(dict.fromkeys(attrs["wants"]))
        return attrs
