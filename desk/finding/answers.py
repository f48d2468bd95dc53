"""One search for everything: what its words name among what the reader may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from desk.finding import people
from desk.shell import navigation, settings_page
from desk.shell.readers import Scope, may_view, scope_of
from jobs.models import Task
from matching.models import Opportunity
from reports import searching
from reports.models import Report, ReportQuerySet

SHOWN = 6
WORDS_MINIMUM_CHARACTERS = 2
#: So much of a number is enough to look for reports that begin with it.
PREFIX_MINIMUM_DIGITS = 8
NUMBER_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """Something that was found, with its page."""

    label: str
    detail: str
    address: str


@dataclass(frozen=True, slots=True)
class Group:
    """Answers of one kind, and perhaps the address of a list of all."""

    heading: str
    answers: list[Answer] = field(default_factory=list)
    all_address: str = ""


def groups_for(request: HttpRequest, text: str) -> list[Group]:
    """Return what the text names, group by group, without empty ones."""
    if not text:
        return []
    scope = scope_of(request)
    groups = [
        Group(_("Reports"), list(_reports(scope, text)), _all_reports(scope, text)),
        Group(_("People"), list(people.answers(request, text, SHOWN, Answer))),
        Group(_("Tasks"), list(_tasks(request, text))),
        Group(_("Opportunities"), list(_opportunities(request, text))),
        Group(_("Pages and settings"), list(_pages(request, text))),
    ]
    return [group for group in groups if group.answers]


def number_in(text: str) -> str | None:
    """Return the hexadecimal digits of a whole number or of its beginning; None for other texts."""
    digits = text.removeprefix("#").replace("-", "").lower()
    is_long_enough = PREFIX_MINIMUM_DIGITS <= len(digits) <= NUMBER_DIGITS
    return digits if is_long_enough and re.fullmatch(r"[0-9a-f]+", digits) else None


def _reports(scope: Scope, text: str) -> Iterator[Answer]:
    if not scope.handles_reports:
        return
    mine = scope.reports().with_related()
    for report in [*_by_number(mine, text), *_by_words(mine, text)]:
        detail = [report.get_status_display(), str(report.category or ""), report.address]
        address = reverse("admin:reports_report_change", args=[report.pk])
        yield Answer(report.title, ", ".join(filter(None, detail)), address)


def _by_number(reports: ReportQuerySet, text: str) -> list[Report]:
    """Return the reports whose number begins so; numbers that were given together begin alike."""
    digits = number_in(text)
    if digits is None:
        return []
    first, last = (UUID(digits.ljust(NUMBER_DIGITS, fill)) for fill in "0f")
    return list(reports.filter(pk__gte=first, pk__lte=last).order_by("-pk")[:SHOWN])


def _by_words(reports: ReportQuerySet, text: str) -> list[Report]:
    """Return the newest reports with these words, or with this number in another system."""
    if len(text) < WORDS_MINIMUM_CHARACTERS:
        return []
    matches = reports.with_words(text).order_by("-created_at", "-id")
    return searching.page(matches, slice(0, SHOWN))


def _all_reports(scope: Scope, text: str) -> str:
    if not scope.handles_reports or number_in(text):
        return ""
    return f"{reverse('admin:reports_report_changelist')}?{urlencode({'q': text})}"


def _tasks(request: HttpRequest, text: str) -> Iterator[Answer]:
    """Yield the task with this id."""
    digits = number_in(text)
    if digits is None or len(digits) < NUMBER_DIGITS or not may_view(request, Task):
        return
    for task in Task.objects.filter(pk=UUID(digits)).only("actor", "state"):
        yield Answer(
            task.actor, task.get_state_display(), reverse("admin:jobs_task_change", args=[task.pk])
        )


def _opportunities(request: HttpRequest, text: str) -> Iterator[Answer]:
    if len(text) < WORDS_MINIMUM_CHARACTERS or not may_view(request, Opportunity):
        return
    rows = Opportunity.objects.matching_text(text).only("title", "organisation")
    for opportunity in rows.order_by("-created_at", "-id")[:SHOWN]:
        address = reverse("admin:matching_opportunity_change", args=[opportunity.pk])
        yield Answer(opportunity.title, opportunity.organisation, address)


def _pages(request: HttpRequest, text: str) -> list[Answer]:
    """Return the pages whose name or purpose has every word, those named so first."""
    words = text.casefold().split()
    by_address: dict[str, Answer] = {}
    for label, purpose, address in _names(request):
        if all(word in f"{label} {purpose}".casefold() for word in words):
            by_address.setdefault(address, Answer(str(label), str(purpose), address))
    in_name = [all(word in page.label.casefold() for word in words) for page in by_address.values()]
    ordered = sorted(zip(in_name, by_address.values(), strict=True), key=lambda one: not one[0])
    return [answer for _in_name, answer in ordered][:SHOWN]


def _names(request: HttpRequest) -> Iterator[tuple[str | Promise, str | Promise, str]]:
    """Yield the name, the purpose and the address of every page that the reader may open."""
    for section in navigation.sections(request):
        for link in section.links:
            yield link.label, "", link.address
    for _heading, rows in settings_page.groups_for(request):
        for setting in rows:
            yield setting.name, setting.purpose, setting.address
    for model in admin.site._registry:  # noqa: SLF001 - the site has no other list of its tables
        if may_view(request, model):
            yield _name_of(model), "", navigation.list_of(model)


def _name_of(model: type[Model]) -> str:
    return str(model._meta.verbose_name_plural).capitalize()  # noqa: SLF001 - documented
