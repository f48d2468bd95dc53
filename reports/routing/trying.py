"""Try the rules of routing on past reports: which would go elsewhere now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from reports.models import Department, Report, ReportQuerySet, RoutedBy, RoutingRule
from reports.routing import assignment, rules
from reports.routing.conditions import facts_of
from reports.routing.rules import Decision, RuleBook

REPORTS_MAXIMUM = 10_000  # that are looked at
ROWS_MAXIMUM = 200  # that are listed; all are counted


@dataclass(frozen=True, slots=True)
class Move:
    """A report that would go elsewhere, or get another deadline."""

    report: Report
    decision: Decision
    is_elsewhere: bool

    @property
    def to(self) -> Department | None:
        return self.decision.department

    @property
    def deadline_hours(self) -> int | None:
        """Return the hours that the rule gives, if they are not those that the report has."""
        return _other_deadline(self.report, self.decision.rule)


@dataclass(slots=True)
class Trial:
    """The outcome of a dry run: counts of all reports looked at, and the first moves."""

    reports: int = 0
    elsewhere: int = 0
    other_deadline: int = 0
    broken: int = 0
    rows: list[Move] = field(default_factory=list)
    ways: Counter[tuple[str, str]] = field(default_factory=Counter)  # from, to
    by_rule: Counter[str] = field(default_factory=Counter)

    def add(self, move: Move) -> None:
        """Count a report, and list it if it would go elsewhere or be due at another time."""
        self.reports += 1
        self.broken += move.decision.routed_by == RoutedBy.BROKEN
        if move.decision.rule is not None:
            self.by_rule[str(move.decision.rule)] += 1
        has_other_deadline = move.deadline_hours is not None
        if move.is_elsewhere:
            self.elsewhere += 1
            self.ways[_name(move.report.department), _name(move.to)] += 1
        self.other_deadline += has_other_deadline
        if (move.is_elsewhere or has_other_deadline) and len(self.rows) < ROWS_MAXIMUM:
            self.rows.append(move)


def try_rules(reports: ReportQuerySet, *, last: int, with_drafts: bool = False) -> Trial:
    """Try the rules on the newest of these reports, at most REPORTS_MAXIMUM; change nothing.

    `with_drafts` tries rules that are switched off too. Reports are taken as they are stored now,
    with the categories and severities that they have by now.
    """
    book, trial = rules.read(with_drafts=with_drafts), Trial()
    newest = (
        reports.select_related("category__department", "department")
        .defer("description", "category_suggestions", "category__examples")
        .order_by("-created_at", "-id")[: min(last, REPORTS_MAXIMUM)]
    )
    for report in newest.iterator(chunk_size=1_000):
        trial.add(_move(report, book))
    return trial


def _move(report: Report, book: RuleBook) -> Move:
    decision = book.decide(facts_of(report, is_certain=assignment.is_certain(report)))
    department_id = decision.department.pk if decision.department else None
    return Move(report, decision, is_elsewhere=report.department_id != department_id)


def _other_deadline(report: Report, rule: RoutingRule | None) -> int | None:
    hours = rule.deadline_hours if rule else None
    is_same = report.sla_is_exact and report.sla_hours == hours
    return None if is_same else hours


def _name(department: Department | None) -> str:
    return str(department or "no department")
