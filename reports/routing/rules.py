"""The rules of routing: read once for each worker and revision, and tried on reports in order."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from reports.models import Department, RoutedBy, RoutingRevision, RoutingRule
from reports.routing.conditions import Condition, Facts, conditions_of

#: What a rule names; it is loaded with it.
NAMED = ("category", "group", "area", "department", "crew")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule ready to be tried on reports."""

    row: RoutingRule
    conditions: tuple[Condition, ...]

    @property
    def faults(self) -> list[str]:
        """Return why the rule cannot be evaluated; empty if it can."""
        return [condition.fault for condition in self.conditions if condition.fault]

    def may_hold(self, facts: Facts) -> bool:
        """Return whether every condition holds, those aside that cannot be evaluated."""
        return all(condition.fault or condition.holds(facts) for condition in self.conditions)

    def words(self) -> str:
        """Return the conditions as a clerk reads them."""
        words = [condition.words for condition in self.conditions if condition.words]
        return ", ".join(words) or "every report"

    def outcome(self) -> str:
        """Return where the reports go, and by when they must be done, as a clerk reads it."""
        row, parts = self.row, []
        if row.department is not None:
            parts.append(f"to {row.department}")
        if row.crew is not None:
            parts.append(f"for crew {row.crew}")
        if row.deadline_hours is not None:
            kind = "working hours" if row.deadline_in_working_hours else "hours"
            parts.append(f"within {row.deadline_hours} {kind}")
        return ", ".join(parts)

    def sentence(self) -> str:
        """Return the rule, such as "Category Pothole, inside area North → to Roads"."""
        uncertain = " (also of an uncertain category)" if self.row.takes_uncertain else ""
        words = self.words()
        return f"{words[:1].upper()}{words[1:]}{uncertain} → {self.outcome()}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a report goes, with the reason; `rule` is the one that decided, if one did."""

    department: Department | None
    routed_by: str
    reason: str
    rule: RoutingRule | None = None


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules in their order, and the department to which reports go for triage, if any."""

    rules: tuple[Rule, ...]
    triage: Department | None

    def decide(self, facts: Facts) -> Decision:
        """Return the decision of the first rule that holds.

        A rule that cannot be evaluated, and whose other conditions hold, sends the report to
        triage. Without a triage department, the category's takes what would go there.
        """
        triage = self.triage or facts.of_category
        rule = next((rule for rule in self.rules if rule.may_hold(facts)), None)
        if rule is not None and rule.faults:
            reason = f"{rule.row} cannot be evaluated: {'; '.join(rule.faults)}"
            return Decision(triage, RoutedBy.BROKEN, reason, rule.row)
        usual = facts.of_category if facts.is_certain else triage
        if rule is not None:
            department = rule.row.department or usual
            return Decision(department, RoutedBy.RULE, f"{rule.row}: {rule.words()}", rule.row)
        if facts.is_certain:
            return Decision(usual, RoutedBy.CATEGORY, "no rule applies: its category decides")
        return Decision(usual, RoutedBy.UNCERTAIN, "its category is not certain")


def read(*, with_drafts: bool = False) -> RuleBook:
    """Read the active rules from the database; with `with_drafts` the others too."""
    rows = RoutingRule.objects.select_related(*NAMED)
    rows = rows if with_drafts else rows.filter(is_active=True)
    triage = Department.objects.filter(is_triage=True).first()
    return RuleBook(tuple(compiled(row) for row in rows), triage)


def compiled(row: RoutingRule) -> Rule:
    """Return a rule ready to be tried."""
    return Rule(row, tuple(conditions_of(row)))


_read: tuple[UUID | None, RuleBook] | None = None


def current(revision: UUID | None) -> RuleBook:
    """Return the active rules of this process, read anew if the revision is another one.

    `revision` must have been read before, in the same transaction or an earlier one: a change that
    comes between makes the rules newer than their revision, never older.
    """
    global _read  # noqa: PLW0603 - one book for each process
    kept = _read
    if kept is not None and kept[0] == revision:
        return kept[1]
    book = read()
    _read = (revision, book)
    return book


def revision() -> UUID | None:
    """Return the present revision of the rules, or None if there was never any rule."""
    return RoutingRevision.objects.values_list("value", flat=True).first()
