"""What is sent with an action of triage."""

from __future__ import annotations

from django import forms

from reports.errors import StepIncomplete
from reports.models import MODERATION_NOTE_MAX_CHARACTERS, Category, FlagReason


class CategoryForm(forms.Form):
    """The category that is chosen, by its slug, and whether the report becomes public."""

    category = forms.ModelChoiceField(Category.objects.all(), to_field_name="slug")
    is_publishing = forms.BooleanField(required=False)


class OtherReportForm(forms.Form):
    """Another report: the original of a duplicate, or one that is not the same."""

    other = forms.UUIDField()


class FlagForm(forms.Form):
    """Why moderation should look at a report."""

    reason = forms.ChoiceField(choices=FlagReason.choices)
    note = forms.CharField(
        max_length=MODERATION_NOTE_MAX_CHARACTERS,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )


def require_valid(form: forms.Form) -> None:
    """Check a form.

    Raises:
        StepIncomplete: it names what is missing or does not fit.
    """
    if not form.is_valid():
        faults = {name: " ".join(map(str, errors)) for name, errors in form.errors.items()}
        raise StepIncomplete(faults)
