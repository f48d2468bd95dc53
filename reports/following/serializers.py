"""Following and area subscriptions in the API."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.http.fields import CoordinateField, IntegerField, LineField
from reports.following import follows
from reports.following.areas import Circle
from reports.following.follows import Standing
from reports.models import AreaSubscription, Category, Report


class StandingSerializer(serializers.Serializer[Standing]):
    """How many people take part in a report, and whether you do."""

    follower_count = serializers.IntegerField(read_only=True, help_text="People who follow it.")
    me_too_count = serializers.IntegerField(
        read_only=True, help_text="People who have the problem too, beside the reporter."
    )
    comment_count = serializers.IntegerField(
        read_only=True, help_text="Public comments and official replies."
    )
    is_followed = serializers.BooleanField(read_only=True, help_text="Whether you follow it.")
    is_me_too = serializers.BooleanField(
        read_only=True, help_text="Whether you said that you have the problem too."
    )


class TakingPartMixin(serializers.Serializer[Any]):
    """The standing of a report as fields of the report; a page of reports takes one statement."""

    follower_count = serializers.IntegerField(
        source="standing.follower_count", read_only=True, help_text="People who follow it."
    )
    me_too_count = serializers.IntegerField(
        source="standing.me_too_count",
        read_only=True,
        help_text="People who have the problem too, beside the reporter.",
    )
    comment_count = serializers.IntegerField(
        source="standing.comment_count",
        read_only=True,
        help_text="Public comments and official replies.",
    )
    is_followed = serializers.BooleanField(
        source="standing.is_followed", read_only=True, help_text="Whether you follow it."
    )
    is_me_too = serializers.BooleanField(
        source="standing.is_me_too",
        read_only=True,
        help_text="Whether you said that you have the problem too.",
    )

    def to_representation(self, instance: Report) -> Any:
        if not hasattr(instance, "standing"):
            follows.attach_standings([instance], self.context["request"].user.pk)
        return super().to_representation(instance)


class ReportPageSerializer(serializers.ListSerializer[Any]):
    """Several reports, with their standings."""

    def to_representation(self, data: Any) -> Any:
        reports = list(data)
        follows.attach_standings(reports, self.context["request"].user.pk)
        return super().to_representation(reports)


class CircleSerializer(serializers.Serializer[Any]):
    """A circle on the map."""

    latitude = CoordinateField(limit=89, help_text="Of the centre, in degrees.")
    longitude = CoordinateField(limit=180, help_text="Of the centre, in degrees.")
    radius_metres = IntegerField(
        min_value=50,
        max_value=settings.AREA_RADIUS_MAXIMUM_METRES,
        help_text="The radius in metres.",
    )

    def to_internal_value(self, data: Any) -> Any:
        return Circle(**super().to_internal_value(data))


@extend_schema_field(
    {
        "type": "object",
        "required": ["type", "coordinates"],
        "properties": {
            "type": {"type": "string", "enum": ["Polygon"]},
            "coordinates": {
                "type": "array",
                "items": {
                    "type": "array",
                    "items": {"type": "array", "items": {"type": "number"}, "minItems": 2},
                },
            },
        },
    }
)
class PolygonField(serializers.DictField):
    """A GeoJSON Polygon; the domain checks its rings."""


class AreaSubscriptionSerializer(serializers.ModelSerializer[AreaSubscription]):
    """A subscription of an area: a circle, or a polygon."""

    circle = serializers.SerializerMethodField(help_text="The circle; null for a polygon.")
    polygon = PolygonField(read_only=True, allow_null=True, help_text="Null for a circle.")
    categories = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Slugs; empty for every category."
    )

    class Meta:
        model = AreaSubscription
        extra_kwargs = {"id": {"help_text": "Identifies the subscription."}}
        fields = ("id", "name", "circle", "polygon", "categories", "delivery", "created_at")
        read_only_fields = fields

    @extend_schema_field(CircleSerializer(allow_null=True))
    def get_circle(self, subscription: AreaSubscription) -> dict[str, Any] | None:
        if subscription.radius_metres is None:
            return None
        names = ("latitude", "longitude", "radius_metres")
        return {name: getattr(subscription, name) for name in names}


class NewAreaSubscriptionSerializer(serializers.Serializer[dict[str, Any]]):
    """What to subscribe to: either a circle or a polygon."""

    exactly_one_of = ("circle", "polygon")  # in the OpenAPI document too

    name = LineField(max_length=80, help_text="Your own name for the area.")
    circle = CircleSerializer(required=False, help_text="A circle on the map.")
    polygon = PolygonField(required=False, help_text="A GeoJSON Polygon in WGS 84.")
    categories = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        default=list,
        max_length=50,
        help_text="Slugs of categories; empty for every one.",
    )
    delivery = serializers.ChoiceField(
        choices=AreaSubscription.Delivery.choices,
        required=False,
        default=AreaSubscription.Delivery.DAILY,
        help_text="A message for each report, or one a day.",
    )

    def validate_categories(self, slugs: list[str]) -> list[str]:
        known = set(
            Category.objects.filter(is_active=True, slug__in=slugs).values_list("slug", flat=True)
        )
        for slug in slugs:
            if slug not in known:
                raise serializers.ValidationError(f"Unknown category {slug!r}.")
        return sorted(known)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("circle" in attrs) == ("polygon" in attrs):
            raise serializers.ValidationError("Send either a circle or a polygon.")
        return attrs
