"""What a card of triage shows of a report: all that a decision needs, in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from desk.triage.looking import looking_at
from reports.dates.showing import expected_date, forecast_of
from reports.desk.forms import StepForm
from reports.desk.offers import Offer, offer
from reports.following import areas, follows
from reports.models import (
    OPEN_STATUSES,
    Category,
    Department,
    DuplicatePair,
    Follow,
    ModerationCase,
    Photo,
    PhotoState,
    Report,
    ReportContact,
    Status,
    SubjectKind,
)
from reports.models.catalogue import CATEGORY_TEXTS
from reports.photos.serializers import shown
from reports.routing import assignment
from reports.workflow import checking
from reports.workflow.roles import roles_in

CHOICES, CANDIDATES = 3, 3
#: Of the reporter's reports, so many of the newest are looked at.
LOOKED_AT = 200
#: Steps with a key of their own.
KEYED = ("triage", "assign", "hand_over", "reject", "merge")


@dataclass(frozen=True, slots=True)
class Choice:
    """A category that the report may get, where it goes then, and who gets a message then."""

    number: int
    category: Category
    confidence: float | None
    phrases: tuple[str, ...]
    earlier: tuple[str, ...]
    department: Department | None
    due_at: datetime | None
    audience: str
    is_present: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A report that may be about the same problem, beside this one."""

    number: int
    report: Report
    probability: float | None
    reasons: Sequence[str]
    metres: int
    photo: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the reporter by their earlier reports, the newest LOOKED_AT of them."""

    reports: int
    confirmed: int
    rejected: int
    reputation: int | None

    @property
    def is_cut(self) -> bool:
        return self.reports >= LOOKED_AT


@dataclass(frozen=True, slots=True)
class OfferedStep:
    """A step of the workflow, with who gets a message about it."""

    offer: Offer
    audience: str


class Card:
    """A report as triage shows it to one member of staff."""

    def __init__(self, report: Report, user: User) -> None:
        self.report, self.user = report, user

    @property
    def is_new(self) -> bool:
        return self.report.status == Status.NEW

    @property
    def is_guess(self) -> bool:
        return self.is_new and not assignment.is_certain(self.report)

    @property
    def can_be_published(self) -> bool:
        """Return whether accepting the report can make it public."""
        report: Any = self.report
        return report.published_at is None and (self.is_new or report.waits_for_moderation)

    @cached_property
    def photos(self) -> list[dict[str, Any]]:
        return [shown(photo) for photo in self.report.photos.all()]

    @cached_property
    def answers(self) -> list[Any]:
        return list(self.report.answers.all())

    @cached_property
    def looked_at_by(self) -> User | None:
        return looking_at(self.report, besides=self.user)

    @cached_property
    def expected(self) -> str:
        date = expected_date(self.report, forecast_of(self.report))
        return date.in_words if date else ""

    # --- Categories ------------------------------------------------------------------------------

    @cached_property
    def choices(self) -> list[Choice]:
        """Return the categories to choose by the keys 1 to 3, the likeliest first."""
        suggested = {
            suggestion["category"]: suggestion for suggestion in self.report.category_suggestions
        }
        present = self.report.category.slug if self.report.category else None
        slugs = list(dict.fromkeys([*suggested, *([present] if present else [])]))
        rows = Category.objects.filter(slug__in=slugs).defer(*CATEGORY_TEXTS)
        rows = rows.select_related("department__parent__parent")
        by_slug = {row.slug: row for row in rows}
        known = [by_slug[slug] for slug in slugs if slug in by_slug][:CHOICES]
        return [
            self._choice(number, category, suggested.get(category.slug))
            for number, category in enumerate(known, 1)
        ]

    def _choice(self, number: int, category: Category, suggestion: Any) -> Choice:
        reasons = suggestion["reasons"] if suggestion else []
        chosen = assignment.with_category(self.report, category, book=self._book)
        return Choice(
            number=number,
            category=category,
            confidence=suggestion["confidence"] if suggestion else None,
            phrases=tuple(reason["phrase"] for reason in reasons if reason["phrase"]),
            earlier=tuple(reason["report_id"] for reason in reasons if reason["report_id"]),
            department=chosen.department,
            due_at=chosen.due_at,
            audience=self._audience_of_acceptance(chosen),
            is_present=category.pk == self.report.category_id,
        )

    @cached_property
    def _book(self) -> Any:
        return assignment.present_rules()

    # --- Who gets a message -----------------------------------------------------------------------

    @cached_property
    def audience(self) -> str:
        """Return who gets a message about a step, such as "the reporter and 2 followers"."""
        people = [name for name in (self._reporter(), self._followers()) if name]
        return _(" and ").join(people) or _("nobody")

    def _reporter(self) -> str:
        report: Any = self.report
        if not report.is_live:
            return ""
        if report.reporter_id is not None:
            return "" if report.has_stopped else _("the reporter")
        return _("the reporter, at the address they left") if report.has_contact else ""

    def _followers(self) -> str:
        if self.report.published_at is None or not self.report.is_live:
            return ""
        count = self.standing_of_report.follower_count
        count -= self.report.reporter_id is not None and not self.report.has_stopped  # type: ignore[attr-defined]
        if count <= 0:
            return ""
        return ngettext("%(count)s follower", "%(count)s followers", count) % {"count": count}

    @cached_property
    def standing_of_report(self) -> follows.Standing:
        standings = follows.standings([self.report.pk], None)
        return standings.get(self.report.pk, follows.Standing())

    def _audience_of_acceptance(self, chosen: Report) -> str:
        """Return who gets a message once the report is accepted as `chosen`."""
        people = [self.audience] if self.is_new else []
        department = chosen.department
        if (
            department is not None
            and department != self.report.department
            and department.is_emailed
        ):
            people.append(_("the office of %(department)s") % {"department": department})
        return _(" and ").join(people) or _("nobody")

    # --- Duplicates ------------------------------------------------------------------------------

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Return the open reports most likely about the same problem, if the user may read them."""
        report = self.report
        pairs = DuplicatePair.objects.filter(
            Q(earlier=report) | Q(later=report), state=DuplicatePair.State.SUGGESTED
        )
        probable = pairs.order_by("-probability", "pk").values_list(
            "earlier_id", "later_id", "probability", "reasons"
        )
        others = {
            (later if earlier == report.pk else earlier): (probability, reasons)
            for earlier, later, probability, reasons in probable[: 2 * CANDIDATES]
        }
        photos = Photo.objects.filter(state=PhotoState.READY).order_by("created_at", "id")
        readable = Report.objects.visible_to(self.user).filter(
            pk__in=list(others), status__in=OPEN_STATUSES
        )
        rows = readable.with_related().prefetch_related(Prefetch("photos", photos)).in_bulk()
        chosen = [(rows[pk], *others[pk]) for pk in others if pk in rows][:CANDIDATES]
        return [self._candidate(number, *one) for number, one in enumerate(chosen, 1)]

    def _candidate(
        self, number: int, other: Report, probability: float | None, reasons: Sequence[str]
    ) -> Candidate:
        photo = next(iter(other.photos.all()), None)
        metres = areas.distance(
            self.report.latitude, self.report.longitude, other.latitude, other.longitude
        )
        return Candidate(
            number, other, probability, reasons, round(metres), shown(photo) if photo else None
        )

    # --- The reporter ----------------------------------------------------------------------------

    @cached_property
    def standing(self) -> Standing | None:
        """Return the standing of a reporter who is signed in; None for an anonymous one."""
        reporter = self.report.reporter
        if reporter is None:
            return None
        sent = Report.objects.filter(reporter=reporter).order_by("-created_at")
        rows = list(sent.values_list("confirmed_at", "status")[:LOOKED_AT])
        return Standing(
            reports=len(rows),
            confirmed=sum(confirmed_at is not None for confirmed_at, _status in rows),
            rejected=sum(status == Status.REJECTED for _confirmed_at, status in rows),
            reputation=reporter.reputation,
        )

    # --- Steps -----------------------------------------------------------------------------------

    @cached_property
    def form(self) -> StepForm:
        """Return the form of the steps.

        It offers the people and crews of the department to which accepting the report sends it.
        """
        first = self.choices[0] if self.is_new and self.choices else None
        target = self.report
        if first is not None:
            target = assignment.with_category(self.report, first.category, book=self._book)
        return StepForm(initial={"is_publishing": True}, reports=[target], auto_id=False)

    @cached_property
    def roles(self) -> frozenset[str]:
        return roles_in(self.report, self.user)

    @cached_property
    def steps(self) -> list[OfferedStep]:
        """Return the steps without a key of their own, with who gets a message about each."""
        rows = checking.available(self.report, self.roles)
        return [
            OfferedStep(offer(row, self.report, self.form), self._audience_of(row.tells))
            for row in rows
            if row.name not in KEYED
        ]

    def _audience_of(self, tells: bool) -> str:
        return self.audience if tells else _("nobody")


def reports_for_card(user: User) -> Any:
    """Return the reports of this person's departments with what a card reads of them."""
    contact = ReportContact.objects.filter(report=OuterRef("pk"), wants_updates=True)
    stopped = Follow.objects.filter(
        report=OuterRef("pk"), user=OuterRef("reporter"), ended_at__isnull=False
    )
    related = Report.objects.for_staff(user).with_related()
    related = related.select_related(
        "reporter",
        "assignee",
        "crew",
        "queue_place",
        "department__parent__parent",
        "routing_rule",
    )
    cases = ModerationCase.objects.waiting().filter(
        kind=SubjectKind.REPORT, subject_id=OuterRef("pk")
    )
    annotated = related.annotate(
        has_contact=Exists(contact), has_stopped=Exists(stopped), waits_for_moderation=Exists(cases)
    )
    return annotated.prefetch_related("photos", "answers__question")
