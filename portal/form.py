"""The form of a new report: what was typed, as the API reads it, and what is wrong with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from jobs import numbers
from portal import catalogue
from reports.catalogue.serializers import QuestionSerializer
from reports.intake.serializers import NewReportSerializer
from reports.intake.submission import NewReport
from reports.models import Category, Question

#: Fields that are texts of the report itself, and of its sender's contact details.
TEXTS, CONTACT = ("title", "description", "address"), ("name", "email", "phone")
COORDINATES = ("latitude", "longitude")
FIELDS = (*TEXTS, *COORDINATES, *CONTACT, "category", "client_id")
#: Where errors of the API that belong to no field of the form are shown.
ELSEWHERE = {"contact": "email", "answers": "category", "client_id": "title"}
ANSWER_PREFIX = "answer-"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a field: the name of the field, and what is wrong."""

    name: str
    text: str


@dataclass(slots=True)
class Form:
    """The form as it was sent, or empty with a new id by which it is stored once."""

    values: dict[str, str]
    answers: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def empty(cls) -> Form:
        return cls(dict.fromkeys(FIELDS, "") | {"client_id": str(uuid.uuid4())})

    @classmethod
    def sent(cls, post: QueryDict) -> Form:
        """Return the form as it was sent; answers count if they belong to the chosen category."""
        values = {name: post.get(name, "").strip() for name in FIELDS}
        answers = {
            question.code: _answer(question, post.getlist(ANSWER_PREFIX + question.code))
            for question in _questions(values["category"])
        }
        return cls(values, answers)

    def new_report(self) -> NewReport | None:
        """Return the report as the API's own rules read it; None if they refuse it.

        Then `faults` say what is wrong.
        """
        context = {"locale": get_language() or settings.LANGUAGE_CODE}
        serializer = NewReportSerializer(data=self._body(), context=context)
        if not serializer.is_valid():
            self.faults += _faults(serializer.errors)
            return None
        return serializer.new_report()

    def fault(self, name: str, text: str) -> None:
        """Note that a field was refused."""
        self.faults.append(Fault(name, text))

    def by_field(self) -> dict[str, str]:
        """Return what is wrong with each field: the first that was noted."""
        texts: dict[str, str] = {}
        for one in self.faults:
            texts.setdefault(one.name, one.text)
        return texts

    def questions(self) -> list[dict[str, Any]]:
        """Return the questions of the chosen category with the answers given so far."""
        return shown_questions(self.values["category"], self.answers, self.by_field())

    def _body(self) -> dict[str, Any]:
        """Return the body that the API would get."""
        values = self.values
        body: dict[str, Any] = {name: values[name] for name in TEXTS}
        body |= {name: _number(values[name]) for name in COORDINATES if values[name]}
        body["category"] = values["category"] or None
        body["answers"] = {code: one for code, one in self.answers.items() if one not in ("", [])}
        body["client_id"] = values["client_id"]
        if any(values[name] for name in CONTACT):
            body["contact"] = {name: values[name] for name in CONTACT}
        return body


def shown_questions(
    slug: str, answers: Mapping[str, Any], faults: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the questions of a category as the form asks them."""
    context = {"accepted": get_language() or ""}
    return [
        {
            **QuestionSerializer(question, context=context).data,
            "name": ANSWER_PREFIX + question.code,
            "answer": answers.get(question.code, ""),
            "fault": faults.get(ANSWER_PREFIX + question.code, ""),
        }
        for question in _questions(slug)
    ]


def _questions(slug: str) -> list[Question]:
    category: Category | None = catalogue.named(slug) if slug else None
    return list(category.questions.all()) if category else []


def _answer(question: Question, sent: list[str]) -> Any:
    """Return an answer of the form as the API expects it."""
    if question.type == Question.Type.MULTIPLE:
        return [one for one in sent if one]
    text = sent[0].strip() if sent else ""
    return _number(text) if question.type == Question.Type.NUMBER and text else text


def _number(text: str) -> float | str:
    """Return the number that a text writes, also with a decimal comma; else the text, to refuse."""
    try:
        return numbers.decimal(text.replace(",", "."))
    except ValueError:
        return text


def _faults(errors: Mapping[str, Any]) -> Iterator[Fault]:
    """Return the errors of the API one by one, each at the field of the form that it is about."""
    missing = [name for name in COORDINATES if _is_missing(errors.get(name))]
    for name, detail in errors.items():
        if name in {"contact", "answers"} and isinstance(detail, Mapping):
            prefix = ANSWER_PREFIX if name == "answers" else ""
            for inner, texts in detail.items():
                is_general = inner == "non_field_errors"
                place = ELSEWHERE[name] if is_general else prefix + inner
                yield Fault(place, _text(texts))
        elif name in missing:
            if name == missing[0]:
                yield Fault(name, _("Say where it is: click on the map, use your location, or"
                                    " enter the coordinates."))  # fmt: skip
        elif name in _MISSING and _is_missing(detail):
            yield Fault(name, _MISSING[name]())
        else:
            yield Fault(ELSEWHERE.get(name, name), _text(detail))


_MISSING = {
    "title": lambda: _("Say in a few words what is wrong."),
    "description": lambda: _("Describe the problem."),
}


def _is_missing(detail: Any) -> bool:
    return isinstance(detail, list) and any(one.code in {"required", "blank"} for one in detail)


def _text(detail: Any) -> str:
    """Return the texts of an error, which may be nested, as one."""
    if isinstance(detail, Mapping):
        detail = detail.values()
    return detail if isinstance(detail, str) else " ".join(map(_text, detail))
