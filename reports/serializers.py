"""Serializers for the bodies and answers of the reports API. None identifies a reporter."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from jobs.http.fields import (
    CoordinateField,
    LineField,
    ParagraphsField,
    QueryBooleanField,
    StrictBooleanField,
)
from jobs.http.queries import QuerySerializer
from reports.fields import BoundingBoxField, CategoryField, ListOfChoicesField
from reports.following.serializers import ReportPageSerializer, TakingPartMixin
from reports.intake.submission import NewReport
from reports.models import (
    DESCRIPTION_MAX_CHARACTERS,
    NOTE_MAX_CHARACTERS,
    TITLE_MAX_CHARACTERS,
    Category,
    Department,
    Report,
    Severity,
    Status,
    StatusChange,
    SubjectKind,
)
from reports.photos.serializers import (
    PhotoDetailSerializer,
    PhotoSerializer,
    detailed,
    ready,
)


class StatusChangeSerializer(serializers.ModelSerializer[StatusChange]):
    """One step in the history of a report."""

    status = serializers.ChoiceField(
        source="to_status",
        choices=Status.choices,
        read_only=True,
        help_text="The status that the report has had since then.",
    )

    class Meta:
        model = StatusChange
        fields = ("status", "note", "at")
        extra_kwargs: ClassVar = {"at": {"help_text": "When it changed."}}


class ReportSerializer(TakingPartMixin, serializers.ModelSerializer[Report]):
    """A report without its history.

    The context has `tracking_token`, empty where none was sent.
    """

    category = serializers.SlugRelatedField[Category](
        slug_field="slug",
        read_only=True,
        allow_null=True,
        help_text="Slug of its category; null until one is chosen.",
    )
    department = serializers.SlugRelatedField[Department](
        slug_field="slug",
        read_only=True,
        allow_null=True,
        help_text="Slug of the department that deals with it; null until it has one.",
    )
    is_public = serializers.SerializerMethodField(
        help_text="False while it waits for moderation, and once it was rejected."
    )
    is_own = serializers.SerializerMethodField(help_text="Whether you wrote it.")
    photos = serializers.SerializerMethodField(help_text="Those that are ready.")

    class Meta:
        model = Report
        list_serializer_class = ReportPageSerializer
        fields: tuple[str, ...] = (
            "id",
            "status",
            "title",
            "description",
            "latitude",
            "longitude",
            "address",
            "severity",
            "severity_rule",
            "category",
            "category_confidence",
            "department",
            "due_at",
            "created_at",
            "updated_at",
            "is_public",
            "is_own",
            "photos",
            "follower_count",
            "me_too_count",
            "comment_count",
            "is_followed",
            "is_me_too",
        )
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "status": {"help_text": "How far the report has come."},
            "title": {"help_text": "The problem in a few words."},
            "description": {"help_text": "The problem in the reporter's words."},
            "address": {"help_text": "The place in words; empty where none was given."},
            "severity": {"help_text": "How bad the problem is."},
            "due_at": {"help_text": "When it is to be resolved; null while nothing is due."},
        }

    def get_is_public(self, report: Report) -> bool:
        return report.published_at is not None

    def get_is_own(self, report: Report) -> bool:
        return report.is_own(
            self.context["request"].user, tracking_token=self.context.get("tracking_token", "")
        )

    @extend_schema_field(PhotoSerializer(many=True))
    def get_photos(self, report: Report) -> list[dict[str, Any]]:
        return ready(report.photos.all())


class SuggestionReasonSerializer(serializers.Serializer[Any]):
    """A text that is near to the report, for which its category is suggested."""

    phrase = serializers.CharField(
        allow_null=True, help_text="A text of the category; null where a report is near."
    )
    report_id = serializers.UUIDField(
        allow_null=True, help_text="An earlier report whose category staff chose."
    )
    similarity = serializers.FloatField(help_text="1 is the same meaning, 0 no likeness.")


class SuggestionSerializer(serializers.Serializer[Any]):
    """A category that the report may belong to."""

    category = serializers.CharField(help_text="Slug of the category.")
    confidence = serializers.FloatField(help_text="How probable the category is, 0 to 1.")
    reasons = SuggestionReasonSerializer(many=True, help_text="The nearest texts, best first.")


class ReportDetailSerializer(ReportSerializer):
    history = StatusChangeSerializer(
        many=True, read_only=True, help_text="Its steps, the earliest first."
    )
    photos = serializers.SerializerMethodField(
        help_text="Those that are ready; all for the report's sender and staff."
    )
    category_suggestions = serializers.SerializerMethodField(
        help_text="The three most probable categories with reasons; null unless you are on the "
        "staff of the report's department."
    )

    waits_for = serializers.SerializerMethodField(
        help_text="Why it waits for moderation; null unless it waits, and you wrote it or are on "
        "the staff of its department."
    )

    class Meta(ReportSerializer.Meta):
        fields = (*ReportSerializer.Meta.fields, "history", "category_suggestions", "waits_for")
        read_only_fields = fields

    @extend_schema_field(PhotoDetailSerializer(many=True))
    def get_photos(self, report: Report) -> list[dict[str, Any]]:
        photos = report.photos.all()
        if not photos:
            return []
        return detailed(
            photos, is_staff=self._is_for_staff(report), is_sender=self.get_is_own(report)
        )

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_waits_for(self, report: Report) -> list[str] | None:
        if report.published_at is not None or not (
            self.get_is_own(report) or self._is_for_staff(report)
        ):
            return None
        case = report.moderation_cases.waiting().filter(kind=SubjectKind.REPORT).first()
        return [reason["code"] for reason in case.reasons] if case else None

    @extend_schema_field(SuggestionSerializer(many=True, allow_null=True))
    def get_category_suggestions(self, report: Report) -> list[dict[str, Any]] | None:
        if self._is_for_staff(report):
            suggestions: list[dict[str, Any]] = report.category_suggestions
            return suggestions
        return None

    def _is_for_staff(self, report: Report) -> bool:
        user = self.context["request"].user
        return isinstance(user, User) and report.may_be_changed_by(user)


class CreatedReportSerializer(ReportDetailSerializer):
    """A report just created; only here an anonymous reporter gets the tracking token."""

    tracking_token = serializers.SerializerMethodField(
        help_text="Anonymous reports only. Shown once: keep it."
    )

    class Meta(ReportDetailSerializer.Meta):
        fields = (*ReportDetailSerializer.Meta.fields, "tracking_token")
        read_only_fields = fields

    def get_photos(self, report: Report) -> list[dict[str, Any]]:
        """Return none: photos are added to a report that is there."""
        return []

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_tracking_token(self, report: Report) -> str | None:
        token: str | None = self.context["tracking_token"]
        return token


class NewReportSerializer(serializers.Serializer[NewReport]):
    """A problem to report."""

    title = LineField(max_length=TITLE_MAX_CHARACTERS, help_text="The problem in a few words.")
    description = ParagraphsField(
        max_length=DESCRIPTION_MAX_CHARACTERS, help_text="What is wrong, and where exactly."
    )
    latitude = CoordinateField(limit=90)
    longitude = CoordinateField(limit=180)
    severity = serializers.ChoiceField(
        choices=Severity.choices, required=False, help_text="That of the category unless given."
    )
    category = CategoryField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Slug of the category; without it the description decides.",
    )
    address = LineField(
        max_length=300,
        required=False,
        allow_blank=True,
        default="",
        help_text="The place in words, such as street and number.",
    )

    def new_report(self) -> NewReport:
        """Return what was sent, once it is valid."""
        return NewReport(**self.validated_data)


class StatusStepSerializer(serializers.Serializer[dict[str, Any]]):
    """A change of status by staff; everybody who sees the report can read the note."""

    status = serializers.ChoiceField(
        choices=Status.choices, source="to", help_text="The status to go to."
    )
    note = ParagraphsField(
        max_length=NOTE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="A word to everybody who can see the report, such as the reason.",
    )
    publish = StrictBooleanField(
        default=False,
        source="is_publishing",
        help_text="Make the report public, if it is not yet.",
    )
    accept_guess = StrictBooleanField(
        default=False,
        source="accepts_guess",
        help_text="Confirm the uncertain category that the classifier chose.",
    )
    category = CategoryField(
        required=False,
        help_text="The slug of the category that staff choose; its department gets the report.",
    )


class ReportFilterSerializer(QuerySerializer):
    """The query parameters of the list of reports."""

    status = ListOfChoicesField(choices=list(Status.values), required=False)
    category = CategoryField(required=False)
    bbox = BoundingBoxField(required=False)
    mine = QueryBooleanField(required=False, default=False)
    q = LineField(required=False, max_length=200)
