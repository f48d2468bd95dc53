"""The categories that can be reported, read once a minute, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import get_language

from jobs.remembered import Remembered
from reports.catalogue.views import CategoryListView
from reports.models import Category, Report

#: How long a process uses the categories that it has read.
KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Choice:
    """A category as a form offers it."""

    slug: str
    name: str
    group: str


def choices() -> list[Choice]:
    """Return the active categories by group and name; those without a group come last."""
    every = [Choice(one.slug, name_of(one), _group_of(one)) for one in _active.get().values()]
    return sorted(every, key=lambda one: (not one.group, one.group.lower(), one.name.lower()))


def named(slug: str) -> Category | None:
    """Return the active category with this slug, with its questions; None if there is none."""
    return next((one for one in _active.get().values() if one.slug == slug), None)


def name_categories(reports: Iterable[Report]) -> None:
    """Set `category_name` on each report, "" where it has no category yet."""
    known = _active.get()
    for report in reports:
        category = known.get(report.category_id or 0, report.category)
        name = name_of(category) if category and category.pk in known else str(category or "")
        report.category_name = name  # type: ignore[attr-defined]  # for templates


def name_of(category: Category) -> str:
    """Return the name of a category in the reader's language."""
    return category.text("name", get_language() or "")


def _group_of(category: Category) -> str:
    group = category.group
    return group.text("name", get_language() or "") if group else ""


def _read() -> dict[int, Category]:
    return {one.pk: one for one in CategoryListView.queryset.all()}


_active = Remembered(_read, seconds=KEPT_SECONDS)
