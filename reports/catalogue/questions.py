"""Change the questions of a category without changing the earlier ones that have answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from jobs.ledger import database
from reports.models import Category, Question

#: The fields that a person who answers sees. A change of one makes a new version; a change of the
#: position does not.
WORDING = ("type", "label", "help", "values", "translations", "is_required")


@transaction.atomic
def ask(category: Category, code: str, fields: Mapping[str, Any]) -> Question:
    """Add a question to the category, or change the one with this code; return it.

    Missing `fields` stay as they are. If the wording, type or values change, the present question
    is retired and its next version added.

    Raises:
        ValidationError: the fields do not go together.
    """
    current = (
        Question.objects.select_for_update()
        .filter(category=category, code=code, retired_at=None)
        .first()
    )
    values = {name: getattr(current or Question(), name) for name in (*WORDING, "position")} | dict(
        fields
    )
    if current is not None and all(values[name] == getattr(current, name) for name in WORDING):
        return _moved(current, values["position"])
    if current is not None:
        retire(current)
    question = Question(
        category=category, code=code, version=_next_version(category, code), **values
    )
    question.full_clean()
    question.save(force_insert=True)
    return question


def retire(question: Question) -> None:
    """Stop asking the question; its answers stay."""
    question.retired_at = database.now()
    question.save(update_fields=["retired_at"])


def _moved(question: Question, position: int) -> Question:
    if question.position != position:
        question.position = position
        question.save(update_fields=["position"])
    return question


def _next_version(category: Category, code: str) -> int:
    versions = Question.objects.filter(category=category, code=code).values_list(
        "version", flat=True
    )
    return max(versions, default=0) + 1
