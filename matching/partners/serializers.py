"""The JSON of partners: their opportunities, and who applied for them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.http.fields import (
    CoordinateField,
    DayField,
    IntegerField,
    LineField,
    ParagraphsField,
    StrictBooleanField,
    StrictTextField,
)
from jobs.http.payloads import DescribedSerializer
from matching.models import ENDS_BEFORE_START, Interaction, Opportunity, Profile
from matching.serializers import LanguagesField, OpportunitySerializer, require_whole_place


class PartnerOpportunitySerializer(DescribedSerializer[Opportunity]):
    """An opportunity, as its organisation writes it."""

    title = LineField(max_length=300)
    description = ParagraphsField(max_length=20_000, allow_blank=True, required=False)
    organisation = serializers.CharField(read_only=True, help_text="Your organisation's name.")
    category = LineField(max_length=120, allow_blank=True, required=False)
    requirements = ParagraphsField(max_length=5000, allow_blank=True, required=False)
    external_id = StrictTextField(
        max_length=200,
        allow_blank=True,
        required=False,
        help_text="Your own id of it; publishing it again changes the same opportunity.",
    )
    languages = LanguagesField(required=False)
    starts_on = DayField(required=False, allow_null=True)
    ends_on = DayField(required=False, allow_null=True)
    capacity = IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=2**31 - 1,
        help_text="Empty: unlimited.",
    )
    latitude = CoordinateField(limit=90, allow_null=True, required=False)
    longitude = CoordinateField(limit=180, allow_null=True, required=False)
    is_remote = StrictBooleanField(required=False)
    is_active = StrictBooleanField(required=False)

    class Meta:
        model = Opportunity
        fields = (*OpportunitySerializer.Meta.fields, "external_id")
        read_only_fields = ("id", "places_taken", "created_at", "updated_at")
        validators: list[Any] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        merged = {
            name: attrs.get(name, getattr(self.instance, name, None))
            for name in ("latitude", "longitude", "starts_on", "ends_on")
        }
        require_whole_place(merged)
        if merged["starts_on"] and merged["ends_on"] and merged["ends_on"] < merged["starts_on"]:
            raise serializers.ValidationError({"ends_on": [ENDS_BEFORE_START]})
        return attrs


class ShownProfileSerializer(serializers.ModelSerializer[Profile]):
    """The part of a citizen's profile that organisations see, if the citizen allows that."""

    name = serializers.CharField(
        source="user.name", read_only=True, help_text="The citizen's display name."
    )
    email = serializers.SerializerMethodField(help_text="Empty unless it is verified.")

    class Meta:
        model = Profile
        fields = ("name", "email", "headline", "about", "skills", "availability", "languages")
        read_only_fields = fields

    def get_email(self, profile: Profile) -> str:
        return profile.user.email if profile.user.email_verified_at else ""


class ApplicantSerializer(serializers.ModelSerializer[Interaction]):
    """A citizen who applied for an opportunity, with their profile if they allow that."""

    id = serializers.UUIDField(source="user_id", read_only=True, help_text="The citizen's id.")
    applied_at = serializers.DateTimeField(
        source="created_at", read_only=True, help_text="When the citizen applied."
    )
    profile = serializers.SerializerMethodField(
        help_text="What the citizen shows of their profile; null if they show none."
    )

    class Meta:
        model = Interaction
        fields = ("id", "applied_at", "profile")

    @extend_schema_field(ShownProfileSerializer(allow_null=True))
    def get_profile(self, application: Interaction) -> dict[str, Any] | None:
        profile = getattr(application.user, "profile", None)
        if profile is None or profile.visibility == Profile.Visibility.PRIVATE:
            return None
        return dict(ShownProfileSerializer(profile).data)
