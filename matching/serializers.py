"""Fields and JSON that several wings of matching share."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from jobs.http.fields import (
    LineField,
    StrictTextField,
)
from matching.errors import LanguageUnknown
from matching.models import Opportunity
from matching.text import languages

TEXTS_MAX = 40


class WordsField(serializers.ListField):
    """A list of short texts; repetitions are removed."""

    def __init__(self, *, max_characters: int = 80, **options: Any) -> None:
        child = LineField(max_length=max_characters)
        super().__init__(child=child, max_length=TEXTS_MAX, **options)

    def to_internal_value(self, data: Any) -> list[str]:
        return list(dict.fromkeys(super().to_internal_value(data)))


class LanguagesField(serializers.ListField):
    """A list of languages, each as a tag (`en`, `es`) or a name (`Español`); stored as tags."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=StrictTextField(max_length=80), max_length=TEXTS_MAX, **options)

    def to_internal_value(self, data: Any) -> list[str]:
        try:
            return languages.tags_of(super().to_internal_value(data))
        except LanguageUnknown as error:
            raise serializers.ValidationError(str(error)) from error


def require_whole_place(fields: dict[str, Any]) -> None:
    """Check that latitude and longitude are both set or both missing.

    Raises:
        ValidationError: one of them is missing.
    """
    if (fields.get("latitude") is None) != (fields.get("longitude") is None):
        raise serializers.ValidationError({"longitude": ["latitude and longitude go together."]})


class OpportunitySerializer(serializers.ModelSerializer[Opportunity]):
    """An opportunity, as the public sees it."""

    class Meta:
        model = Opportunity
        fields: tuple[str, ...] = (
            "id",
            "kind",
            "title",
            "description",
            "organisation",
            "category",
            "requirements",
            "languages",
            "starts_on",
            "ends_on",
            "latitude",
            "longitude",
            "is_remote",
            "capacity",
            "places_taken",
            "is_active",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields
