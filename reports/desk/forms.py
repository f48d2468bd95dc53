"""The desk's forms: of a step, and of the conversation."""

from __future__ import annotations

import dataclasses
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from reports.models import (
    COMMENT_MAX_CHARACTERS,
    NOTE_MAX_CHARACTERS,
    Category,
    Crew,
    Department,
    RejectionReason,
    Report,
    Status,
    WaitingFor,
    WithholdingReason,
)
from reports.steps.taking import Step
from reports.workflow import assigning, table
from reports.workflow.performing import Inputs

PERSON, CREW = "person", "crew"
#: What may come with any step, beside its inputs.
OPTIONS = ("is_publishing", "accepts_guess", "category")
NOBODY = ("", "---------")


class TextForm(forms.Form):
    """The text of a reply or note."""

    text = forms.CharField(
        max_length=COMMENT_MAX_CHARACTERS, widget=forms.Textarea({"rows": 3, "cols": 60})
    )


class HidingForm(forms.Form):
    """The comment to hide, and why."""

    comment = forms.UUIDField()
    reason = forms.ChoiceField(choices=WithholdingReason.choices)


class StepForm(forms.Form):
    """What comes with a step; which of the fields it needs, the table says."""

    to = forms.ChoiceField(required=False, choices=Status.choices)
    step = forms.ChoiceField(required=False, choices=[(name, name) for name in table.NAMES])
    note = forms.CharField(
        required=False,
        max_length=NOTE_MAX_CHARACTERS,
        widget=forms.Textarea({"rows": 2, "cols": 60}),
        help_text=_(
            "Everybody who can see the report can read this note, and its reporter gets it."
        ),
    )
    is_internal = forms.BooleanField(
        required=False, label=_("Only for staff"), help_text=_("Nobody else reads the note.")
    )
    reason = forms.ChoiceField(
        required=False, choices=[NOBODY, *RejectionReason.choices], help_text=_("Of a rejection.")
    )
    waiting_for = forms.ChoiceField(required=False, choices=[NOBODY, *WaitingFor.choices])
    until = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    assignee = forms.CharField(required=False, widget=forms.Select)
    department = forms.ModelChoiceField(Department.objects.all(), required=False)
    original = forms.UUIDField(required=False, label=_("The report that it repeats: its id"))
    is_publishing = forms.BooleanField(
        required=False, label=_("Publish"), help_text=_("Make the report public, if it is not yet.")
    )
    accepts_guess = forms.BooleanField(
        required=False,
        label=_("Accept the guess"),
        help_text=_("Confirm the uncertain category that the classifier chose."),
    )

    def __init__(self, *args: Any, reports: list[Report], **options: Any) -> None:
        """Offer the people and crews to whom each of `reports` can be assigned."""
        super().__init__(*args, **options)
        self.fields["assignee"].widget.choices = [NOBODY, *_assignees(reports)]

    def step_by(self, by: User, *, to: str = "", name: str = "") -> Step:
        """Return the step that was sent, with what is valid of it.

        `to` or `name` is that of many reports.
        """
        sent = self.cleaned_data if self.is_valid() else {}
        given = [field.name for field in dataclasses.fields(Inputs) if field.name in sent]
        inputs = Inputs(**{name: sent[name] for name in given if sent[name] is not None})
        options = {name: sent[name] for name in OPTIONS if name in sent}
        return Step(
            to=to or sent.get("to", ""),
            name=name or sent.get("step", ""),
            by=by,
            inputs=inputs,
            original=sent.get("original"),
            **options,
        )

    def clean_assignee(self) -> User | Crew | None:
        """Return the person or crew; None where none was chosen."""
        kind, _colon, key = self.cleaned_data["assignee"].partition(":")
        if not kind:
            return None
        rows: Any = {PERSON: User.objects, CREW: Crew.objects}.get(kind)
        try:
            assignee: User | Crew | None = rows.filter(pk=key).first() if rows else None
        except (ValueError, forms.ValidationError):
            assignee = None
        if assignee is None:
            raise forms.ValidationError(_("Choose one of the people and crews."))
        return assignee


class BulkStepForm(StepForm):
    """What comes with a step that many reports take at once."""

    category = forms.ModelChoiceField(
        Category.objects.filter(is_active=True).select_related("group"),
        required=False,
        empty_label=_("Each its own"),
        help_text=_("Of all of them, instead of each its own."),
    )


def _assignees(reports: list[Report]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the choices that fit all the reports, people and crews apart."""
    by_department = {report.department_id: report for report in reports}
    people = _common([list(assigning.people_for(report)) for report in by_department.values()])
    crews = _common([list(assigning.crews_for(report)) for report in by_department.values()])
    return [
        (gettext("Crews"), [(f"{CREW}:{crew.pk}", str(crew)) for crew in crews]),
        (
            gettext("People"),
            [(f"{PERSON}:{person.pk}", person.name or str(person)) for person in people],
        ),
    ]


def _common(lists: list[list[Any]]) -> list[Any]:
    """Return the rows that are in every list, in the order of the first."""
    first, *others = lists or [[]]
    return [row for row in first if all(row in other for other in others)]
