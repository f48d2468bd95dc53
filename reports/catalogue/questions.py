"""Changing what is asked about reports of a category, without changing what was asked before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from reports.models import Category, Question

#: What a person who answers sees; a change of it makes a new version. The position does not.
WORDING = ("type", "label", "help", "values", "translations", "is_required")


@transaction.atomic
def ask(category: Category, code: str, fields: Mapping[str, Any]) -> Question:
    """Ask this about reports of the category from now on; `fields` that are missing stay as they are.

    A question whose wording, type or values change is retired, and its next version asked.

    Raises:
        ValidationError: the fields do not go together.
    """
    current = (
        Question.objects.select_for_update()
        .filter(category=category, code=code, retired_at=None)
        .first()
    )
    asked = {name: getattr(current or Question(), name) for name in (*WORDING, "position")} | dict(
        fields
    )
    if current is not None and all(asked[name] == getattr(current, name) for name in WORDING):
        return _moved(current, asked["position"])
    if current is not None:
        retire(current)
    question = Question(
        category=category, code=code, version=_next_version(category, code), **asked
    )
    question.full_clean()
    question.save(force_insert=True)
    return question


def retire(question: Question) -> None:
    """Ask it no more; the answers to it stay."""
    question.retired_at = timezone.now()
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
