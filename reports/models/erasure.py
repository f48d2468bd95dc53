"""Rules for what becomes of a person's words when their account is deleted.

Each stands as `on_delete` at the foreign key to the person. The row stays, so that a conversation
and the counts of a report stay whole; what the person wrote in it goes.
"""

from __future__ import annotations

from typing import Any

from django.db.models import SET_NULL, QuerySet
from django.db.models.deletion import Collector

#: What readers see in the place of an erased person's comment.
COMMENT_REMOVED = "This comment was removed together with its author's account."


def remove_comment(collector: Collector, field: Any, rows: QuerySet[Any], using: str) -> None:
    """Replace the text of the person's comments; official replies are the department's words."""
    comments = rows.filter(is_official=False)
    _replace(collector, "text", COMMENT_REMOVED, comments)
    _replace(collector, "text_digest", None, comments)
    SET_NULL(collector, field, rows, using)


def remove_note(collector: Collector, field: Any, rows: QuerySet[Any], using: str) -> None:
    """Empty the notes that the person wrote with their answers."""
    _replace(collector, "note", "", rows)
    SET_NULL(collector, field, rows, using)


def _replace(collector: Collector, name: str, value: str | None, rows: QuerySet[Any]) -> None:
    """Have a field overwritten, before the rows lose their person, by whom they are chosen."""
    field = rows.model._meta.get_field(name)  # noqa: SLF001 - documented
    collector.add_field_update(field, value, rows)  # type: ignore[arg-type]  # as SET_NULL does


# The rows are chosen when they are written, not read before.
remove_comment.lazy_sub_objs = remove_note.lazy_sub_objs = True  # type: ignore[attr-defined]
