"""What waits for the reader, in figures that each lead to its list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from desk.shell.navigation import list_of
from desk.shell.readers import Scope, may_view
from jobs.admin.estimating import count_each_up_to
from jobs.models import Task
from jobs.states import State
from reports.desk.filters import SOON
from reports.models import (
    DraftReport,
    DraftState,
    DuplicatePair,
    ModerationCase,
    RoutingRule,
    Source,
    Status,
)
from reports.routing import rules

#: So many are counted; of more it is said that there are more.
COUNTED_MAXIMUM = 999


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with the list behind it."""

    name: str
    label: str | Promise
    count: int
    address: str
    is_bad: bool = False

    @property
    def figure(self) -> str:
        return f"{COUNTED_MAXIMUM}+" if self.count > COUNTED_MAXIMUM else str(self.count)

    @property
    def look(self) -> str:
        """Return the CSS class: quiet for a figure of 0, an alarm for a bad one."""
        return "is-zero" if not self.count else "is-bad" if self.is_bad else ""


@dataclass(frozen=True, slots=True)
class _Wait:
    """Rows to be counted, and the list that shows them."""

    name: str
    label: str | Promise
    rows: QuerySet[Any]
    query: str = ""
    is_bad: bool = False


def tiles_for(request: HttpRequest, scope: Scope, now: datetime) -> list[Tile]:
    """Return the figures of what the reader may see; all are counted by one statement."""
    waits = [*_of_reports(scope, now), *_of_tables(request, scope)]
    counts = count_each_up_to(COUNTED_MAXIMUM + 1, {wait.name: wait.rows for wait in waits})
    counted = [
        Tile(
            wait.name,
            wait.label,
            counts[wait.name],
            list_of(wait.rows.model) + wait.query,
            wait.is_bad,
        )
        for wait in waits
    ]
    return [*counted, *_of_rules(request)]


def _of_reports(scope: Scope, now: datetime) -> Iterator[_Wait]:
    if not scope.handles_reports:
        return
    mine = scope.reports()
    soon = mine.overdue(now + SOON).filter(due_at__gte=now)
    yield _Wait("overdue", _("Overdue"), mine.overdue(), "?deadline=overdue", is_bad=True)
    yield _Wait("soon", _("Due within 24 hours"), soon, "?deadline=soon")
    yield _Wait(
        "answer", _("First answer late"), mine.answer_overdue(), "?deadline=answer", is_bad=True
    )
    yield _Wait("nobody", _("Nobody works on it"), mine.unassigned(), "?assigned=nobody")
    reopened = mine.filter(status=Status.REOPENED)
    yield _Wait("not-fixed", _("Said not to be fixed"), reopened, "?status__exact=reopened")


def _of_tables(request: HttpRequest, scope: Scope) -> Iterator[_Wait]:
    if may_view(request, ModerationCase):
        cases = ModerationCase.objects.for_staff(scope.user).waiting()
        yield _Wait("moderation", _("To moderate"), cases)
    if scope.handles_reports:
        pairs = DuplicatePair.objects.for_staff(scope.user).suggested()
        yield _Wait("duplicates", _("Likely duplicates"), pairs, "?state__exact=suggested")
        drafts = DraftReport.objects.filter(state=DraftState.OFFERED)
        yield _Wait("drafts", _("Suggestions from outside"), drafts, "?state__exact=offered")
    if may_view(request, Task):
        dead = Task.objects.filter(state=State.DEAD)
        yield _Wait("dead", _("Dead letters"), dead, "?state__exact=dead", is_bad=True)
    if may_view(request, Source):
        sick = Source.objects.filter(is_enabled=True, failures__gt=0)
        query = "?is_enabled__exact=1&failures__gt=0"
        yield _Wait("sources", _("Failing sources"), sick, query, is_bad=True)


def _of_rules(request: HttpRequest) -> Iterator[Tile]:
    """Yield the number of routing rules that cannot be evaluated."""
    if may_view(request, RoutingRule):
        book = rules.read()
        broken = sum(bool(rule.faults) for rule in book.rules)
        yield Tile("rules", _("Broken routing rules"), broken, list_of(RoutingRule), is_bad=True)


def overdue_of(tiles: list[Tile]) -> Tile | None:
    """Return the figure of overdue reports, if the reader has any reports at all."""
    return next((tile for tile in tiles if tile.name == "overdue"), None)
