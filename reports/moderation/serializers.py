"""Moderation in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.http.fields import ParagraphsField, StrictBooleanField
from jobs.http.queries import QuerySerializer
from reports.models import (
    MODERATION_NOTE_MAX_CHARACTERS,
    FlagReason,
    ModerationCase,
    ModerationState,
    SubjectKind,
    WithholdingReason,
)


class ModerationFilterSerializer(QuerySerializer):
    """The query parameters of the list of cases."""

    state = serializers.ChoiceField(
        choices=ModerationState.choices,
        required=False,
        default=ModerationState.WAITING,
        help_text="Cases in this state; those that wait for a decision unless given.",
    )
    kind = serializers.ChoiceField(
        choices=SubjectKind.choices, required=False, help_text="Reports only, or comments only."
    )


class ModerationReasonSerializer(serializers.Serializer[Any]):
    """Why something waits for moderation."""

    code = serializers.CharField(
        help_text="`anonymous`, `reputation`, `blocked_words`, `links`, `repeated`, "
        "`repeated_by_others` or `flagged`."
    )
    detail = serializers.CharField(help_text="What was seen, such as the words.")


class ModerationCaseSerializer(serializers.ModelSerializer[ModerationCase]):
    """What moderation has to decide, or decided, about one report or comment."""

    text = serializers.SerializerMethodField(help_text="The text of the report or comment.")
    reasons = ModerationReasonSerializer(
        many=True, read_only=True, help_text="Why it waits, or waited."
    )
    flags = serializers.SerializerMethodField(help_text="How many people flagged it, by reason.")

    class Meta:
        model = ModerationCase
        extra_kwargs = {
            "id": {"help_text": "Identifies the case."},
            "report": {"help_text": "Id of the report to which it belongs."},
        }
        fields = (
            "id",
            "kind",
            "subject_id",
            "report",
            "text",
            "reasons",
            "flags",
            "is_withheld",
            "state",
            "rejection",
            "note",
            "created_at",
            "decided_at",
        )
        read_only_fields = fields

    def get_text(self, case: ModerationCase) -> str:
        return str(self.context["texts"].get(case.pk, ""))

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_flags(self, case: ModerationCase) -> dict[str, int]:
        counts: dict[str, int] = {}
        for flag in case.flags.all():
            counts[flag.reason] = counts.get(flag.reason, 0) + 1
        return counts


class ApprovalSerializer(serializers.Serializer[dict[str, Any]]):
    """A decision that something may be public."""

    note = ParagraphsField(
        max_length=MODERATION_NOTE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="Its author reads it.",
    )
    reconsiders = StrictBooleanField(
        required=False, default=False, help_text="`true`: decide again about what was decided."
    )


class RejectionSerializer(ApprovalSerializer):
    """A decision that something must not be public."""

    reason = serializers.ChoiceField(
        choices=WithholdingReason.choices, help_text="Its author is told the reason."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["reason"] == WithholdingReason.OTHER and not attrs["note"]:
            raise serializers.ValidationError({"note": "Say which reason it is."})
        return attrs


class NewFlagSerializer(serializers.Serializer[dict[str, Any]]):
    """A hint that something should be looked at."""

    reason = serializers.ChoiceField(choices=FlagReason.choices, help_text="What is wrong.")
    note = ParagraphsField(
        max_length=MODERATION_NOTE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="More about it, for staff.",
    )
