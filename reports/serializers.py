"""The JSON of reports as they are read. None identifies a reporter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from jobs.http.kept import Kept
from reports.dates import serializers as dates
from reports.dates.serializers import ExpectedDateSerializer
from reports.dates.showing import expected_date, forecast_of
from reports.following.serializers import ReportPageSerializer, TakingPartMixin
from reports.models import (
    Answer,
    Category,
    Crew,
    Department,
    Report,
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
from reports.workflow import handing
from reports.workflow.table import STAFF


class StatusChangeSerializer(serializers.ModelSerializer[StatusChange]):
    """A line of the history.

    The context has `is_desk` for staff of the report's department, and for staff elsewhere
    `departments`, the ids of theirs: they read why these handed the report over.
    """

    status = serializers.ChoiceField(
        source="to_status",
        choices=Status.choices,
        read_only=True,
        help_text="The status that the report has had since then.",
    )
    note = serializers.SerializerMethodField(
        help_text="What was written about it; an internal note only for staff."
    )
    by = serializers.SerializerMethodField(
        help_text="Which member of staff it was; null for other people, and for readers who are not"
        " of the department."
    )
    fields_changed = serializers.SerializerMethodField(
        help_text="The names of the report's fields that changed; only for staff."
    )

    class Meta:
        model = StatusChange
        fields = (
            "status",
            "step",
            "note",
            "is_internal",
            "reason",
            "role",
            "by",
            "fields_changed",
            "version",
            "at",
        )
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "step": {"help_text": "The step of the workflow; empty where it was an edit."},
            "at": {"help_text": "When it changed."},
        }

    def get_note(self, change: StatusChange) -> str:
        is_readable = self.context.get("is_desk") or not change.is_internal
        is_own = change.from_department_id in self.context.get("departments", ())
        return change.note if is_readable or is_own else ""

    def get_fields_changed(self, change: StatusChange) -> list[str]:
        return list(change.fields) if self.context.get("is_desk") else []

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_by(self, change: StatusChange) -> str | None:
        is_shown = self.context.get("is_desk") and change.role in STAFF
        return str(change.by) if is_shown and change.by else None


_LINES = Kept(StatusChangeSerializer)


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
    expected_date = serializers.SerializerMethodField(
        help_text="When it is likely to be done, by the city's own history: a forecast, while "
        "`due_at` is the deadline. Null once work on it has ended."
    )

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
            "expected_date",
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
            "address": {
                "help_text": "The place in words, as the reporter gave it or a geocoder found it;"
                " empty where neither did."
            },
            "severity": {"help_text": "How bad the problem is."},
            "due_at": {"help_text": "The deadline for resolving it; null while nothing is due."},
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

    @extend_schema_field(ExpectedDateSerializer(allow_null=True))
    def get_expected_date(self, report: Report) -> dict[str, Any] | None:
        return dates.shown(expected_date(report, forecast_of(report)))


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


class CrewSerializer(serializers.ModelSerializer[Crew]):
    """A crew to which reports are assigned."""

    class Meta:
        model = Crew
        fields = ("id", "name")
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "id": {"help_text": "Its number, to send as `crew`."},
            "name": {"help_text": "Its name."},
        }


class PersonSerializer(serializers.ModelSerializer[User]):
    """A member of staff to whom reports are assigned."""

    class Meta:
        model = User
        fields = ("id", "name")
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "id": {"help_text": "The person's id, to send as `assignee`."},
            "name": {"help_text": "Their name."},
        }


class AnswerSerializer(serializers.ModelSerializer[Answer]):
    """The answer to a question of the report's category."""

    code = serializers.CharField(source="question.code", help_text="The question's code.")
    version = serializers.IntegerField(
        source="question.version", help_text="The version of the question that was asked."
    )
    label = serializers.CharField(  # type: ignore[assignment]
        source="question.label", help_text="The question itself."
    )
    value = serializers.JSONField(help_text="The answer as it was sent.")
    text = serializers.CharField(source="in_words", help_text="The answer in words.")

    class Meta:
        model = Answer
        fields = ("code", "version", "label", "value", "text")
        read_only_fields = fields


class ReportDetailSerializer(ReportSerializer):
    history = serializers.SerializerMethodField(help_text="What was done, the earliest first.")
    assignee = serializers.SerializerMethodField(
        help_text="The person who works on it; null unless you are on the staff of its department."
    )
    crew = serializers.SerializerMethodField(
        help_text="The crew that works on it; null unless you are on the staff of its department."
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
    routing_reason = serializers.SerializerMethodField(
        help_text="Why it went to its department, such as the rule with its conditions; null "
        "unless you are on the staff of the department."
    )

    answers = serializers.SerializerMethodField(
        help_text="Answers to the questions of its category."
    )
    device_at = serializers.SerializerMethodField(
        help_text="When it was written, by the device's clock. For its sender and staff."
    )
    accuracy_metres = serializers.SerializerMethodField(
        help_text="How accurate the place is, by the device. For its sender and staff."
    )

    class Meta(ReportSerializer.Meta):
        fields = (
            *ReportSerializer.Meta.fields,
            "version",
            "response_due_at",
            "responded_at",
            "confirmed_at",
            "waiting_for",
            "waiting_until",
            "assignee",
            "crew",
            "history",
            "category_suggestions",
            "waits_for",
            "answers",
            "device_at",
            "accuracy_metres",
            "routing_reason",
        )
        read_only_fields = fields

    def to_representation(self, report: Report) -> dict[str, Any]:
        user = self.context["request"].user
        self.is_desk = isinstance(user, User) and report.may_be_changed_by(user)
        shown: dict[str, Any] = super().to_representation(report)
        return shown

    def history_of(self, report: Report) -> Iterable[StatusChange]:
        return report.history.all()

    @extend_schema_field(StatusChangeSerializer(many=True))
    def get_history(self, report: Report) -> list[dict[str, Any]]:
        user = self.context["request"].user
        own = set() if self.is_desk else handing.departments_of(user)
        lines = [
            line
            for line in self.history_of(report)
            if self.is_desk or line.is_public or line.from_department_id in own
        ]
        context = {"is_desk": self.is_desk, "departments": own}
        return [_LINES.shown(line, context) for line in lines]

    @extend_schema_field(PersonSerializer(allow_null=True))
    def get_assignee(self, report: Report) -> dict[str, Any] | None:
        person = report.assignee if self.is_desk else None
        return dict(PersonSerializer(person).data) if person else None

    @extend_schema_field(CrewSerializer(allow_null=True))
    def get_crew(self, report: Report) -> dict[str, Any] | None:
        crew = report.crew if self.is_desk else None
        return dict(CrewSerializer(crew).data) if crew else None

    def get_routing_reason(self, report: Report) -> str | None:
        return report.routing_reason if self.is_desk else None

    @extend_schema_field(SuggestionSerializer(many=True, allow_null=True))
    def get_category_suggestions(self, report: Report) -> list[dict[str, Any]] | None:
        suggestions: list[dict[str, Any]] = report.category_suggestions
        return suggestions if self.is_desk else None

    @extend_schema_field(AnswerSerializer(many=True))
    def get_answers(self, report: Report) -> Any:
        return AnswerSerializer(report.answers.all(), many=True).data

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_device_at(self, report: Report) -> str | None:
        if report.device_at is None or not self._is_for_insider(report):
            return None
        return serializers.DateTimeField().to_representation(report.device_at)

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_accuracy_metres(self, report: Report) -> float | None:
        if report.accuracy_metres is None or not self._is_for_insider(report):
            return None
        return report.accuracy_metres

    @extend_schema_field(PhotoDetailSerializer(many=True))
    def get_photos(self, report: Report) -> list[dict[str, Any]]:
        photos = report.photos.all()
        if not photos:
            return []
        return detailed(photos, is_staff=self.is_desk, is_sender=self.get_is_own(report))

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_waits_for(self, report: Report) -> list[str] | None:
        if report.published_at is not None or not (self.get_is_own(report) or self.is_desk):
            return None
        case = report.moderation_cases.waiting().filter(kind=SubjectKind.REPORT).first()
        return [reason["code"] for reason in case.reasons] if case else None

    def _is_for_insider(self, report: Report) -> bool:
        return self.is_desk or self.get_is_own(report)


class CreatedReportSerializer(ReportDetailSerializer):
    """A report just created; only here an anonymous reporter gets the tracking token."""

    tracking_token = serializers.SerializerMethodField(
        help_text="Anonymous reports only. Shown once: keep it."
    )

    class Meta(ReportDetailSerializer.Meta):
        fields = (*ReportDetailSerializer.Meta.fields, "tracking_token")
        read_only_fields = fields

    def history_of(self, report: Report) -> Iterable[StatusChange]:
        """Return the one line of a new report, without reading it."""
        arrival = self.context["arrival"]
        return [arrival] if arrival else super().history_of(report)

    def get_expected_date(self, report: Report) -> dict[str, Any] | None:
        """Return the date of a new report without reading it: nothing was forecast yet."""
        forecast = forecast_of(report) if self.context["arrival"] is None else None
        return dates.shown(expected_date(report, forecast))

    def get_photos(self, report: Report) -> list[dict[str, Any]]:
        """Return none for a new report, without reading them: they are added to what is there."""
        return super().get_photos(report) if self.context["arrival"] is None else []

    def get_answers(self, report: Report) -> Any:
        """Return none, without reading them, where none were sent."""
        if self.context["has_answers"] or self.context["arrival"] is None:
            return super().get_answers(report)
        return []

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_waits_for(self, report: Report) -> list[str] | None:
        """Return the reasons of a new report, without reading them."""
        if self.context["arrival"] is None:
            return super().get_waits_for(report)
        is_shown = report.published_at is None and (self.get_is_own(report) or self.is_desk)
        return [reason.code for reason in self.context["reasons"]] if is_shown else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_tracking_token(self, report: Report) -> str | None:
        token: str | None = self.context["tracking_token"]
        return token
