"""Answers to the extra questions of a category: check what was sent, and store it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from jobs.http.fields import LineField, ParagraphsField
from reports.models import Answer, Category, Question, Report

LINE_MAX_CHARACTERS, TEXT_MAX_CHARACTERS = 200, 2_000
NUMBER_MAX = 1e12

Checked = list[tuple[Question, Any]]


class NumberField(serializers.Field[float, Any, float, Any]):
    """A number of JSON; a text that looks like one is refused."""

    default_error_messages = {"invalid": "Expected a number."}

    def to_internal_value(self, data: Any) -> float:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        if not is_number or abs(data) > NUMBER_MAX:
            self.fail("invalid")
        return data  # type: ignore[no-any-return]


class TimeField(serializers.DateTimeField):
    """A time in RFC 3339, kept as text."""

    def to_internal_value(self, value: Any) -> Any:
        return super().to_internal_value(value).isoformat()


def check(category: Category | None, answers: Mapping[str, Any]) -> Checked:
    """Return the category's present questions with the answers to them.

    Raises:
        ValidationError: an answer is missing, unknown or of another type; by the question's code.
    """
    if category is None:
        if answers:
            raise ValidationError("Answers belong to a category: name it too.")
        return []
    questions = {question.code: question for question in category.questions.filter(retired_at=None)}
    errors: dict[str, Any] = {
        code: [_unknown(questions)] for code in answers if code not in questions
    }
    checked: Checked = []
    for code, question in questions.items():
        try:
            if not _is_missing(answers.get(code)):
                checked.append((question, _field(question).run_validation(answers[code])))
            elif question.is_required:
                errors[code] = [ErrorDetail("This question needs an answer.", code="required")]
        except ValidationError as error:
            errors[code] = error.detail
    if errors:
        raise ValidationError(errors)
    return checked


def store(report: Report, checked: Iterable[tuple[Question, Any]]) -> None:
    """Store the answers, each with the version of its question, in the caller's transaction."""
    Answer.objects.bulk_create(
        Answer(report=report, question=question, value=value) for question, value in checked
    )


def _is_missing(value: Any) -> bool:
    return value is None or value in ("", [])


def _unknown(questions: Iterable[str]) -> ErrorDetail:
    codes = ", ".join(questions)
    known = f"Expected one of: {codes}." if codes else "The category has no questions."
    return ErrorDetail(f"Unknown question. {known}", code="unknown")


def _field(question: Question) -> serializers.Field[Any, Any, Any, Any]:
    return _FIELDS[Question.Type(question.type)](question)


def _keys(question: Question) -> list[str]:
    return [value["key"] for value in question.values]


class SeveralField(serializers.ListField):
    """Several of the values of a list, each once, in the order of the question."""

    def to_internal_value(self, data: Any) -> list[str]:
        chosen = super().to_internal_value(data)
        child: Any = self.child
        return [key for key in child.choices if key in chosen]


_FIELDS: dict[Question.Type, Callable[[Question], serializers.Field[Any, Any, Any, Any]]] = {
    Question.Type.STRING: lambda _: LineField(max_length=LINE_MAX_CHARACTERS),
    Question.Type.TEXT: lambda _: ParagraphsField(max_length=TEXT_MAX_CHARACTERS),
    Question.Type.NUMBER: lambda _: NumberField(),
    Question.Type.DATETIME: lambda _: TimeField(),
    Question.Type.SINGLE: lambda one: serializers.ChoiceField(choices=_keys(one)),
    Question.Type.MULTIPLE: lambda one: SeveralField(
        child=serializers.ChoiceField(choices=_keys(one))
    ),
}
