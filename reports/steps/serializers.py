"""Serializers for the bodies and answers of steps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.models import User
from jobs.http.fields import IntegerField, MomentField, ParagraphsField, StrictBooleanField
from reports.fields import CategoryField
from reports.models import (
    NOTE_MAX_CHARACTERS,
    Crew,
    Department,
    RejectionReason,
    Status,
    StatusChange,
    WaitingFor,
)
from reports.serializers import CrewSerializer, PersonSerializer
from reports.steps.bulk import BULK_MAXIMUM, Target
from reports.steps.taking import Step
from reports.workflow import table
from reports.workflow.performing import Inputs
from reports.workflow.table import Need

#: The fields that the workflow takes as they are sent.
INPUTS = ("note", "is_internal", "reason", "waiting_for", "until", "department")


class StepSerializer(serializers.Serializer[Any]):
    """A step that can be taken."""

    step = serializers.CharField(source="step.name", help_text="The name to send.")
    title = serializers.CharField(source="step.label", help_text="What people call it.")
    status = serializers.ChoiceField(choices=Status.choices, help_text="The status that follows.")
    needs = serializers.ListField(
        source="step.needs",
        child=serializers.ChoiceField(choices=[need.value for need in Need]),
        help_text="Fields that must be sent with it; `assignee` stands for `assignee` or `crew`.",
    )
    tells_reporter = serializers.BooleanField(
        source="step.tells", help_text="Whether the reporter gets a message about it."
    )


class UndoableSerializer(serializers.Serializer[Any]):
    """The last step, which can be undone."""

    step = serializers.CharField(help_text="Its name.")
    until = serializers.SerializerMethodField(help_text="Until when at most.")

    def get_until(self, change: StatusChange) -> datetime:
        return change.at + timedelta(minutes=settings.STEP_UNDO_MINUTES)


class AvailableStepsSerializer(serializers.Serializer[Any]):
    """The steps that the reader may take with a report."""

    status = serializers.ChoiceField(choices=Status.choices, help_text="Its present status.")
    version = serializers.IntegerField(help_text="Its version; each change counts one up.")
    steps = StepSerializer(many=True, help_text="The steps; empty if there is none for you.")
    undo = UndoableSerializer(
        allow_null=True, help_text="The last step, while you may undo it; else null."
    )
    people = PersonSerializer(many=True, help_text="To whom staff may assign it.")
    crews = CrewSerializer(many=True, help_text="To which crews staff may assign it.")


class TakenStepSerializer(serializers.Serializer[Any]):
    """A step, and what it needs."""

    step = serializers.ChoiceField(choices=table.NAMES, help_text="The name of the step.")
    note = ParagraphsField(
        max_length=NOTE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="Read by everybody who sees the report, and sent to its reporter.",
    )
    is_internal = StrictBooleanField(
        required=False, default=False, help_text="Whether only staff may read the note."
    )
    reason = serializers.ChoiceField(
        choices=RejectionReason.choices, required=False, default="", help_text="Of a rejection."
    )
    waiting_for = serializers.ChoiceField(
        choices=WaitingFor.choices,
        required=False,
        default="",
        help_text="Whom or what it waits for.",
    )
    until = MomentField(required=False, default=None, help_text="Until when it waits.")
    assignee = serializers.PrimaryKeyRelatedField[User](
        queryset=User.objects.filter(is_active=True, is_staff=True),
        pk_field=serializers.UUIDField(),
        required=False,
        default=None,
        help_text="The id of a person of `people`.",
    )
    crew = serializers.PrimaryKeyRelatedField[Crew](
        queryset=Crew.objects.all(),
        pk_field=IntegerField(min_value=1),
        required=False,
        default=None,
        help_text="The id of one of `crews`.",
    )
    department = serializers.SlugRelatedField[Department](
        slug_field="slug",
        queryset=Department.objects.all(),
        required=False,
        default=None,
        help_text="The slug of the department that gets the report.",
    )
    original = serializers.UUIDField(
        required=False, default=None, help_text="The report that this one repeats."
    )
    publish = StrictBooleanField(
        required=False, default=False, help_text="Make the report public, if it is not yet."
    )
    accept_guess = StrictBooleanField(
        required=False,
        default=False,
        help_text="Confirm the uncertain category that the classifier chose.",
    )
    category = CategoryField(
        required=False,
        default=None,
        help_text="The slug of the category that staff choose; its department gets the report.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["assignee"] is not None and attrs["crew"] is not None:
            raise serializers.ValidationError({"crew": "Send a person or a crew, not both."})
        return attrs

    def step_by(self, by: User | None) -> Step:
        """Return the step that was sent, once it is valid."""
        sent = self.validated_data
        return Step(
            by=by,
            name=sent["step"],
            original=sent["original"],
            is_publishing=sent["publish"],
            accepts_guess=sent["accept_guess"],
            category=sent["category"],
            inputs=Inputs(
                assignee=sent["assignee"] or sent["crew"],
                **{name: sent[name] for name in INPUTS},
            ),
        )


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


class UndoSerializer(serializers.Serializer[Any]):
    """Why a step is undone."""

    note = ParagraphsField(
        max_length=NOTE_MAX_CHARACTERS,
        required=False,
        allow_blank=True,
        default="",
        help_text="Only staff reads it.",
    )


class TargetSerializer(serializers.Serializer[Any]):
    """A report with which the step is taken."""

    id = serializers.UUIDField(help_text="The report's id.")
    version = IntegerField(
        required=False,
        default=None,
        min_value=1,
        help_text="The version that you read; if it has another by now, it is left alone.",
    )


class BulkStepSerializer(TakenStepSerializer):
    """A step with many reports."""

    reports = serializers.ListField(
        child=TargetSerializer(),
        min_length=1,
        max_length=BULK_MAXIMUM,
        help_text="The reports, up to 100.",
    )

    def targets(self) -> list[Target]:
        """Return the reports that were sent, once they are valid."""
        return [Target(**target) for target in self.validated_data["reports"]]


class BulkResultSerializer(serializers.Serializer[Any]):
    """What came of the step with one report."""

    id = serializers.UUIDField(help_text="The report's id.")
    is_taken = serializers.BooleanField(help_text="Whether the step was taken.")
    status = serializers.CharField(
        allow_null=True, help_text="Its status after that; null where there is no such report."
    )
    version = serializers.IntegerField(allow_null=True, help_text="Its version after that.")
    refusal = serializers.CharField(allow_blank=True, help_text="Why the step was not taken.")


class BulkResultsSerializer(serializers.Serializer[Any]):
    """What came of a step with many reports."""

    results = BulkResultSerializer(many=True, help_text="One for each report, in the order sent.")
