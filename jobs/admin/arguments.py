"""The form in which an operator corrects the arguments of a task that ended without success."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _
from dramatiq import get_broker

from jobs.errors import ArgumentsRefused, NotInThatState
from jobs.http import strict_json
from jobs.operations import actions as operator_actions

C = TypeVar("C", list[Any], dict[str, Any])


class StrictJSONField(forms.JSONField):
    """Takes JSON that the ledger can store; otherwise the error says what is wrong with it.

    A refused text is shown again as it was typed.
    """

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return strict_json.loads(value)
        except ValueError as error:
            raise ValidationError(_("This is not valid JSON: %s.") % error) from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        return InvalidJSONInput(data)


class ArgumentsForm(forms.Form):
    """The arguments of a dead or cancelled task, as JSON."""

    args = StrictJSONField(
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80}), required=False, label=_("Positional")
    )
    kwargs = StrictJSONField(
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80}), required=False, label=_("By name")
    )

    def clean_args(self) -> list[Any]:
        return _of_type(list, "list", self.cleaned_data["args"])

    def clean_kwargs(self) -> dict[str, Any]:
        return _of_type(dict, "object", self.cleaned_data["kwargs"])

    def store(self, task_id: UUID, *, by: UUID | None, is_replayed: bool = False) -> bool:
        """Store the arguments, and run the task with them if it `is_replayed`; return True.

        If that is refused, add the error to the form and return False.
        """
        change = (
            operator_actions.edit_and_replay if is_replayed else operator_actions.edit_arguments
        )
        try:
            change(task_id, self.cleaned_data["args"], self.cleaned_data["kwargs"], by=by)
        except (ArgumentsRefused, NotInThatState) as error:
            self.add_error(None, str(error))
        return self.is_valid()


def _of_type(expected: type[C], name: str, value: Any) -> C:
    if value in (None, ""):
        return expected()
    if not isinstance(value, expected):
        raise ValidationError(_("Expected a JSON %s.") % name)
    return value


def signature(actor: str) -> str:
    """Return how the actor's function takes its arguments, or nothing if this release lacks it."""
    declared = get_broker().actors.get(actor)
    return f"{actor}{inspect.signature(declared.fn)}" if declared else ""
