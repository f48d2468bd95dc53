"""The JSON and the query parameters of the API about profiles, opportunities and matches."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs import numbers
from jobs.http.fields import (
    CoordinateField,
    DayField,
    IntegerField,
    LineField,
    MomentField,
    NumberField,
    ParagraphsField,
    QueryBooleanField,
    QueryIntegerField,
    QueryNumberField,
    SpelledBooleanField,
    StrictBooleanField,
    StrictTextField,
)
from jobs.http.payloads import PayloadSerializer
from jobs.http.queries import QuerySerializer
from matching.errors import LanguageUnknown
from matching.models import ENDS_BEFORE_START, Interaction, Kind, Match, Opportunity, Profile
from matching.text import languages

TEXTS_MAX = 40
KEYWORDS_MAX_CHARACTERS = 500
RUN_LIMIT_MAX = 200
RUN_PAGE_SIZE, RUN_PAGE_SIZE_MAX = 100, 200


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


class NothingSerializer(PayloadSerializer):
    """An empty object, or no body at all."""


class ProfileSerializer(serializers.ModelSerializer[Profile]):
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


class PartnerOpportunitySerializer(serializers.ModelSerializer[Opportunity]):
    """An opportunity, as its organisation writes it."""

    title = LineField(max_length=300)
    description = ParagraphsField(max_length=20_000, allow_blank=True, required=False)
    organisation = serializers.CharField(read_only=True, help_text="Your organisation's name.")
    category = LineField(max_length=120, allow_blank=True, required=False)
    requirements = ParagraphsField(max_length=5000, allow_blank=True, required=False)
    external_id = StrictTextField(max_length=200, allow_blank=True, required=False)
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

    name = serializers.CharField(source="user.name", read_only=True)
    email = serializers.SerializerMethodField(help_text="Empty unless it is verified.")

    class Meta:
        model = Profile
        fields = ("name", "email", "headline", "about", "skills", "availability", "languages")
        read_only_fields = fields

    def get_email(self, profile: Profile) -> str:
        return profile.user.email if profile.user.email_verified_at else ""


class ApplicantSerializer(serializers.ModelSerializer[Interaction]):
    """A citizen who applied for an opportunity, with their profile if they allow that."""

    id = serializers.UUIDField(source="user_id", read_only=True)
    applied_at = serializers.DateTimeField(source="created_at", read_only=True)
    profile = serializers.SerializerMethodField()

    class Meta:
        model = Interaction
        fields = ("id", "applied_at", "profile")

    @extend_schema_field(ShownProfileSerializer(allow_null=True))
    def get_profile(self, application: Interaction) -> dict[str, Any] | None:
        profile = getattr(application.user, "profile", None)
        if profile is None or profile.visibility == Profile.Visibility.PRIVATE:
            return None
        return dict(ShownProfileSerializer(profile).data)


class InteractionSerializer(serializers.ModelSerializer[Interaction]):
    """An interaction of a citizen with an opportunity."""

    opportunity = serializers.UUIDField(source="opportunity_id", read_only=True)

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
        r"^-?[0-9]{1,3}(\.[0-9]+)?,-?[0-9]{1,3}(\.[0-9]+)?$",
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


class LocationSerializer(PayloadSerializer):
    """A place, in degrees."""

    latitude = CoordinateField(limit=90)
    longitude = CoordinateField(limit=180)


class RunFiltersSerializer(PayloadSerializer):
    """The conditions that a match must meet."""

    kinds = serializers.ListField(
        child=serializers.ChoiceField(Kind.choices), max_length=4, required=False
    )
    category = StrictTextField(max_length=120, required=False)
    languages = LanguagesField(required=False)
    is_remote = StrictBooleanField(required=False, allow_null=True, default=None)
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
    filters = RunFiltersSerializer(required=False)
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
    limit = IntegerField(min_value=1, max_value=RUN_LIMIT_MAX, default=100)
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
        if data.get("radius_km"):
            filters["radius_km"] = data["radius_km"]
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


class ReasonSerializer(serializers.Serializer[Any]):
    """A reason for a match; some kinds of reasons have a figure."""

    kind = serializers.CharField()
    text = serializers.CharField()
    similarity = serializers.FloatField(required=False)
    kilometers = serializers.FloatField(required=False)


class FoundMatchSerializer(serializers.Serializer[Any]):
    """A match in the result of a run."""

    score = serializers.FloatField()
    reasons = ReasonSerializer(many=True)
    opportunity = OpportunitySerializer()


class StartedRunSerializer(serializers.Serializer[Any]):
    """A match run that was started."""

    task_id = serializers.UUIDField()
    status = serializers.CharField()
    created_at = serializers.DateTimeField()


class RunStatusSerializer(serializers.Serializer[Any]):
    """The state of a match run, and a page of its matches."""

    task_id = serializers.UUIDField()
    status = serializers.ChoiceField(["pending", "processing", "completed", "failed", "cancelled"])
    progress = serializers.FloatField(help_text="The share of the work that is done, from 0 to 1.")
    result = FoundMatchSerializer(
        many=True, allow_null=True, help_text="A page of the matches, once the run is completed."
    )
    next = serializers.CharField(
        allow_null=True, help_text="The address of the next page of the matches."
    )
    error = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class LegacyAnswerSerializer(serializers.Serializer[Any]):
    """The matches, as the deprecated address answers them."""

    matches = FoundMatchSerializer(many=True)
    total = serializers.IntegerField()


class MatchSerializer(serializers.ModelSerializer[Match]):
    """A saved match."""

    opportunity = OpportunitySerializer(read_only=True)
    reasons = ReasonSerializer(many=True, read_only=True)

    class Meta:
        model = Match
        fields = ("id", "score", "reasons", "opportunity", "created_at", "updated_at")


class MatchFilterSerializer(QuerySerializer):
    """The filters of saved matches."""

    kind = serializers.ChoiceField(
        Kind.choices, required=False, help_text="Only opportunities of this kind."
    )
    min_score = QueryNumberField(required=False, help_text="Only matches with this score or more.")
    new_since = MomentField(
        required=False, help_text="Only matches that were found after this time."
    )


def opportunities_by_id(ids: list[UUID]) -> dict[UUID, Opportunity]:
    """Return those of the opportunities that exist and are open, by id."""
    today = timezone.localdate()
    return Opportunity.objects.open_on(today).defer("search").in_bulk(ids)
