"""Serializer fields of reports: categories, lists in queries, boxes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs import numbers
from reports.models import BoundingBox, Category


@extend_schema_field(OpenApiTypes.STR)
class CategoryField(serializers.Field[Category, Any, str, Any]):
    """The slug of an active category; the error lists the valid ones."""

    default_error_messages = {"unknown": "Unknown category. Expected one of: {slugs}."}

    def to_internal_value(self, data: Any) -> Category:
        active = Category.objects.filter(is_active=True).only("slug")
        is_slug = isinstance(data, str) and "\0" not in data  # which PostgreSQL cannot compare
        category = active.filter(slug=data).first() if is_slug else None
        if category is None:
            self.fail("unknown", slugs=", ".join(active.values_list("slug", flat=True)))
        return category

    def to_representation(self, value: Category) -> str:
        return value.slug


@extend_schema_field(
    {
        "type": "string",
        "format": "uuid",
        "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[47][0-9a-fA-F]{3}"
        "-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$",
    }
)
class RandomIdField(serializers.UUIDField):
    """A UUID of version 4 or 7; of the others strangers could guess one, and read what it names."""

    default_error_messages = {"guessable": "Expected a random UUID, of version 4 or 7."}

    def to_internal_value(self, data: Any) -> UUID:
        value: UUID = super().to_internal_value(data)
        if not isinstance(data, str) or value.version not in {4, 7}:
            self.fail("guessable")
        return value


class ListOfChoicesField(serializers.Field[list[str], Any, str, Any]):
    """A comma-separated list in a query parameter."""

    default_error_messages = {"unknown": "Unknown value {value}. Expected one of: {choices}."}

    def __init__(self, *, choices: list[str], **kwargs: Any) -> None:
        self.choices = choices
        super().__init__(**kwargs)

    def to_internal_value(self, data: str) -> list[str]:
        values = [value.strip() for value in data.split(",")]
        for value in values:
            if value not in self.choices:
                self.fail("unknown", value=repr(value[:80]), choices=", ".join(self.choices))
        return values


class BoundingBoxField(serializers.Field[BoundingBox, Any, str, Any]):
    """`west,south,east,north` in degrees, the order of GeoJSON (RFC 7946, section 5)."""

    default_error_messages = {
        "invalid": "Expected west,south,east,north in degrees, with south below north."
    }

    def to_internal_value(self, data: str) -> BoundingBox:
        try:
            box = BoundingBox(*(numbers.decimal(part) for part in data.split(",")))
        except (ValueError, TypeError):
            self.fail("invalid")
        in_range = (
            all(-180 <= x <= 180 for x in (box.west, box.east))
            and -90 <= box.south <= box.north <= 90
        )
        if not in_range:
            self.fail("invalid")
        return box
