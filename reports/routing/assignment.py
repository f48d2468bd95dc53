"""Routing: which department handles a report, and by when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from copy import copy
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.text import Truncator

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.ledger import database, rows
from reports.catalogue.categories import (
    CATEGORY_WIDTH,
    category_columns,
    category_of,
    category_table,
)
from reports.catalogue.deadlines import adopt_rule, set_deadlines
from reports.catalogue.severity import ACTIVE_RULES, Rule, rule_for, rules_of
from reports.geography import addresses
from reports.models import (
    ROUTING_REASON_MAX_CHARACTERS,
    UNTOUCHED_STATUSES,
    Category,
    CategorySource,
    Department,
    Report,
    RoutedBy,
    Severity,
    SeveritySource,
    Status,
)
from reports.routing import rules
from reports.routing.conditions import facts_of
from reports.routing.rules import RuleBook
from reports.workflow import notices, performing, transitions
from reports.workflow.performing import NOTHING, Inputs
from reports.workflow.versions import require as require_version

# The fields that staff may edit; below, the fields that depend on them.
EDITABLE = {
    "title",
    "description",
    "severity",
    "address",
    "latitude",
    "longitude",
    "category",
    "department",
}
DEADLINE = (
    "due_at",
    "response_due_at",
    "sla_hours",
    "sla_in_working_hours",
    "sla_version",
    "response_hours",
    "response_version",
    "sla_is_exact",
)
ROUTING = ("department", "routed_by", "routing_rule", "routing_reason")
SEVERITY = ("severity", "severity_source", "severity_rule")
CATEGORY = (
    "category",
    "category_source",
    "category_confidence",
    "category_suggestions",
)
#: Edits that can be undone, and what is given back then. Words are not kept a second time, since
#: they may name people.
UNDOABLE = {"category", "severity", "department"}
UNDONE_WITH_EDIT = (
    *(name for name in CATEGORY if name != "category_suggestions"),
    *ROUTING,
    *SEVERITY,
    *DEADLINE,
    "status",
    "assignee",
    "crew",
)
FOLLOWING = (*CATEGORY, *ROUTING, *SEVERITY, *DEADLINE, "cell", "updated_at")
#: How a report came to a department that no person chose.
BY_ITSELF = (RoutedBy.RULE, RoutedBy.CATEGORY, RoutedBy.UNCERTAIN, RoutedBy.BROKEN)
#: In which statuses a report that staff send elsewhere is assigned to the crew of its rule.
WITH_A_CREW = (Status.TRIAGED, Status.IN_PROGRESS, Status.WAITING)
CHOSEN_BY_NOBODY = (CategorySource.NONE, CategorySource.CLASSIFIER)


def apply_classification(
    report_id: str,
    category: Category | None,
    confidence: float,
    suggestions: Sequence[Mapping[str, Any]] = (),
) -> Report:
    """Store the proposed category, unless a person has chosen one meanwhile, and route the report.

    A certain category of a report whose words were corrected is replaced by another certain one
    alone, and only while nobody works on it. Return the report as it is now. Runs in the
    caller's transaction, like `route`.
    """
    return _apply(_locked(report_id), category, confidence, suggestions)


def apply_outcome(report_id: str, outcome: Mapping[str, Any]) -> Report:
    """Do as `apply_classification`, with what the classifier's task found.

    That names the category by its id, which counts as none if it was deleted meanwhile.
    """
    report, category = _locked_with_proposal(report_id, outcome["category_id"])
    return _apply(report, category, outcome["confidence"], outcome.get("suggestions", ()))


def _apply(
    report: Report,
    category: Category | None,
    confidence: float,
    suggestions: Sequence[Mapping[str, Any]],
) -> Report:
    earlier = report.category
    report.category_suggestions = list(suggestions)
    if category is not None and _is_replaceable(report, confidence):
        report.category, report.category_confidence = category, confidence
        report.category_source = CategorySource.CLASSIFIER
    _assign(report, is_other_category=report.category != earlier)
    return report


def _is_replaceable(report: Report, confidence: float) -> bool:
    """Return whether the classifier's proposal may become the category of a report."""
    if report.category_source not in CHOSEN_BY_NOBODY:
        return False
    if report.status == Status.NEW or not is_certain(report):
        return True
    is_sure = confidence >= settings.CLASSIFICATION_MIN_CONFIDENCE
    return is_sure and report.status in UNTOUCHED_STATUSES


def route(report_id: str) -> None:
    """Give the report a department and a deadline; triage it if its category is certain.

    A report whose category is uncertain goes to the triage department and stays new, and the
    category is kept as a proposal. Nothing changes for a report on which somebody works or whose
    department a person chose, nor for one that was routed before, unless it was corrected since or
    the rules have changed.
    """
    _assign(_locked(report_id), is_other_category=False)


def _locked(report_id: str | UUID) -> Report:
    """Return the report as stored now, locked until this transaction ends.

    `rules_revision` is that of the rules of routing, `read_at` the time, and `severity_rules` those
    of words in the text; they are read along to save statements.

    Raises:
        Report.DoesNotExist: there is no such report.
    """
    return _locked_with_proposal(report_id, None)[0]


def _locked_with_proposal(
    report_id: str | UUID, category_id: int | None
) -> tuple[Report, Category | None]:
    """Return a report as `_locked`, and a category with its department, read along with it.

    Raises:
        Report.DoesNotExist: there is no such report.
    """
    report, own, proposed = _read_locked(report_id, category_id)
    if report.category_id != (own.pk if own else None):
        # Somebody changed it while this waited for the lock: PostgreSQL then gives the report as it
        # is now, and the category beside it as it was.
        report, own, proposed = _read_locked(report_id, category_id)
    report.category = own
    return report, proposed


def _read_locked(
    report_id: str | UUID, category_id: int | None
) -> tuple[Report, Category | None, Category | None]:
    """Lock a report; return it, the category that was its own, and the one of this id."""
    read = database.fetch(_LOCKED, (category_id, report_id), is_prepared=True)
    if not read:
        raise Report.DoesNotExist
    revision, read_at, severity_rules, *values = read[0]
    of_report, of_category = rows.width(Report), rows.width(Report) + CATEGORY_WIDTH
    report = rows.loaded(Report, values[:of_report])
    report.rules_revision, report.read_at = revision, read_at  # type: ignore[attr-defined]
    report.severity_rules = severity_rules  # type: ignore[attr-defined]
    own, proposed = values[of_report:of_category], values[of_category:]
    return report, category_of(own), category_of(proposed)


_LOCKED = f"""
    SELECT (SELECT value FROM reports_routingrevision LIMIT 1), clock_timestamp(), ({ACTIVE_RULES}),
        {rows.columns(Report, "report")}, {category_columns("own")}, {category_columns("proposed")}
    FROM reports_report AS report
    LEFT JOIN {category_table("own")} ON own.id = report.category_id
    LEFT JOIN {category_table("proposed")} ON proposed.id = %s::bigint
    WHERE report.id = %s FOR UPDATE OF report
"""  # noqa: S608 - names of columns


def _assign(report: Report, *, is_other_category: bool) -> None:
    """Store severity, department and deadline of a locked report, with its category and status.

    A deadline that it already has stays, unless its category, department or rule has changed.
    """
    certain, earlier = is_certain(report), (report.department, report.routing_rule_id)
    is_free, severity = _is_free(report), report.severity
    is_anew = report.due_at is None or is_other_category
    if is_anew or is_free:
        _settle_severity(report, certain=certain, is_anew=is_anew)
    if is_free:
        send(report, _book(report), certain=certain)
    is_elsewhere = earlier != (report.department, report.routing_rule_id)
    if is_anew or is_elsewhere:
        adopt_rule(report)
    elif report.severity != severity:
        set_deadlines(report)
    report.updated_at = _read_at(report)
    if earlier[0] is not None and earlier[0] != report.department:
        _note_move(report, earlier[0])
    moved: list[str] = []
    if certain and report.status == Status.NEW and report.routed_by != RoutedBy.BROKEN:
        note = f"Sent to {report.department}."
        moved = transitions.triage(report, note=note, at=report.updated_at)
    moved += _hand_to_crew(report)
    rows.update(report, {*FOLLOWING, *moved})
    if earlier[0] != report.department:
        notices.note_arrival(report)


def _is_free(report: Report) -> bool:
    """Return whether routing may choose the department: nobody did, and nobody works on it."""
    if report.department_id is None:
        return True
    return report.status in UNTOUCHED_STATUSES and report.routed_by in BY_ITSELF


def _note_move(report: Report, earlier: Department) -> None:
    """Keep in the history that routing sent the report on after a correction, and why."""
    transitions.annotate(
        report,
        note=f"Sent on to {report.department}: {report.routing_reason}.",
        by=None,
        fields=["department"],
        is_internal=True,
        from_department=earlier,
    )


def is_certain(report: Report) -> bool:
    """Return whether a person chose the category, or the classifier did with enough confidence."""
    if report.category is None:
        return False
    if report.category_source != CategorySource.CLASSIFIER:
        return True
    return (report.category_confidence or 0.0) >= settings.CLASSIFICATION_MIN_CONFIDENCE


def send(report: Report, book: RuleBook, *, certain: bool) -> None:
    """Set the report's department by the rules of routing, with rule and reason; do not save."""
    decision = book.decide(facts_of(report, is_certain=certain))
    report.department = decision.department or report.department
    report.routed_by, report.routing_rule = decision.routed_by, decision.rule
    report.routing_reason = Truncator(decision.reason).chars(ROUTING_REASON_MAX_CHARACTERS)


def _hand_to_crew(report: Report, *, statuses: Collection[str] = (Status.TRIAGED,)) -> list[str]:
    """Assign a report in one of `statuses` to the crew of its rule, unless somebody has it.

    As `triage`: return the fields to save. A new report stays new, since its status changes next.
    """
    is_by_rule = report.routed_by == RoutedBy.RULE
    crew = report.routing_rule.crew if report.routing_rule and is_by_rule else None
    is_free = report.assignee_id is None and report.crew_id is None
    if crew is None or not is_free or report.status not in statuses:
        return []
    if report.status == Status.NEW:
        report.crew = crew
        return ["crew"]
    return transitions.assign_to_crew(report, crew)


def department_once_certain(report: Report) -> Department | None:
    """Return the department to which a report goes if its present category is confirmed."""
    return present_rules().decide(facts_of(report, is_certain=True)).department


def present_rules() -> RuleBook:
    """Return the rules of routing as they are now."""
    return rules.current(rules.revision())


def with_category(report: Report, category: Category, *, book: RuleBook) -> Report:
    """Return a copy of the report as it would stand if staff chose this category; store nothing."""
    chosen = copy(report)
    chosen.category, chosen.category_source = category, CategorySource.STAFF
    send(chosen, book, certain=True)
    adopt_rule(chosen)
    return chosen


def _book(report: Report) -> RuleBook:
    """Return the rules that apply to a report that `_locked` has read."""
    return rules.current(getattr(report, "rules_revision", None))


def _read_at(report: Report) -> datetime:
    """Return when `_locked` read the report, by PostgreSQL's clock."""
    return cast("datetime", getattr(report, "read_at"))  # noqa: B009 - no attribute of the model


def _severity_rules(report: Report) -> list[Rule]:
    """Return the rules of words that applied when `_locked` read the report."""
    return rules_of(getattr(report, "severity_rules"))  # noqa: B009 - no attribute of the model


def _settle_severity(report: Report, *, certain: bool, is_anew: bool) -> None:
    """Set the severity of a certain category where none was chosen; raise it by the rules of words.

    A severity other than medium counts as chosen. With `is_anew` that of an earlier category is
    replaced too. One that staff chose is left alone.
    """
    if report.severity_source == SeveritySource.STAFF:
        return
    is_open = report.severity_source == SeveritySource.NONE and report.severity == Severity.MEDIUM
    is_open |= is_anew and report.severity_source == SeveritySource.CATEGORY
    if is_open and certain and report.category:
        report.severity = report.category.default_severity
        report.severity_source = SeveritySource.CATEGORY
    words = f"{report.title} {report.description}"
    rule = rule_for(words, report.severity, _severity_rules(report))
    if rule is not None:
        report.severity, report.severity_source = rule.severity, SeveritySource.RULE
        report.severity_rule = rule.name


@transaction.atomic
def revise(
    report: Report,
    changes: Mapping[str, Any],
    *,
    by: User,
    is_triaging: bool = True,
    inputs: Inputs = NOTHING,
    is_publishing: bool = False,
    versions: Collection[int] | None = None,
) -> None:
    """Store the fields of a report that staff edited, with the department and deadline that follow.

    `changes` maps names in EDITABLE to values; other names are ignored, and without any nothing
    happens. The report is locked and read anew, so fields that were not edited stay as they are
    stored; `report` itself is not changed. A category that staff chose is certain: a new report is
    triaged and, unless they chose the department too, goes where the rules of routing send it.
    Without a category it goes to the triage department, or stays where it is if there is none. An
    edited category or severity sets the deadline anew. The history says to which department the
    report was sent, the audit log which fields were edited. Without `is_triaging` a new report
    stays new, since the caller changes its status next; with `is_publishing` one that is triaged
    becomes public, and `inputs` has the note that comes with that. An edited category, severity or
    department can be undone like a step.

    Raises:
        Report.DoesNotExist: it was deleted meanwhile.
        ReportChanged: it is of none of `versions` any more.
    """
    fields = changes.keys() & EDITABLE
    if not fields:
        return
    report = _locked(report.pk)
    require_version(report, versions)
    earlier = (report.category, report.department)
    before = performing.snapshot(report, UNDONE_WITH_EDIT) if fields <= UNDOABLE else None
    _set(report, {name: changes[name] for name in fields})
    if is_triaging and "category" in fields and report.category and report.status == Status.NEW:
        moved = _triage_edited(
            report, fields, by=by, inputs=inputs, is_publishing=is_publishing, before=before
        )
    else:
        moved = _note_edit(report, fields, earlier, by=by, before=before)
    if "category" in fields:
        statuses = WITH_A_CREW if is_triaging else {*WITH_A_CREW, Status.NEW}
        moved += _hand_to_crew(report, statuses=statuses)
    report.save(update_fields={*fields, *FOLLOWING, *addresses.FIELDS, *moved})
    _send_tasks(report, fields, by=by, is_arriving=earlier[1] != report.department)


def _set(report: Report, changes: Mapping[str, Any]) -> None:
    """Set the edited fields of a report, and those that depend on them, without storing them."""
    for name, value in changes.items():
        setattr(report, name, value)
    _follow(report, changes.keys())
    addresses.follow_place(report, changes.keys())
    report.updated_at = database.now()


def _send_tasks(report: Report, fields: Set[str], *, by: User, is_arriving: bool) -> None:
    """Send the tasks that follow an edit: its address, its department's notice, the audit log."""
    addresses.look_up(report)
    if is_arriving:
        notices.note_arrival(report)
    record_audit_event.send(
        "report.revised", str(by.pk), f"report:{report.pk}", {"fields": sorted(fields)}
    )


def _triage_edited(
    report: Report,
    fields: Set[str],
    *,
    by: User,
    inputs: Inputs,
    is_publishing: bool,
    before: dict[str, Any] | None,
) -> list[str]:
    """Triage a report whose category staff chose; return the fields that this changed.

    The note of `inputs` stands in the history instead of the report's department, which then gets
    a line of its own.
    """
    moved = transitions.triage(
        report,
        note=inputs.note or _whereabouts(report),
        is_internal=inputs.is_internal,
        by=by,
        is_publishing=is_publishing,
        before=before or transitions.NOTHING_BEFORE,
    )
    if inputs.note:
        transitions.annotate(report, note=_whereabouts(report), by=by, fields=fields)
    return moved


def _note_edit(
    report: Report,
    fields: Set[str],
    earlier: tuple[Category | None, Department | None],
    *,
    by: User,
    before: dict[str, Any] | None,
) -> list[str]:
    """Write an edit into the history; return the fields that the report's move changed."""
    category, department = earlier
    if department != report.department:
        return transitions.relocate(
            report,
            note=_whereabouts(report),
            by=by,
            fields=fields,
            from_department=department,
            before=before,
        )
    note = _whereabouts(report) if category != report.category else ""
    transitions.annotate(
        report, note=note, by=by, fields=fields, is_internal=not note, before=before
    )
    return []


def _follow(report: Report, fields: Set[str]) -> None:
    """Set the fields that depend on those that staff edited."""
    if "severity" in fields:
        report.severity_source, report.severity_rule = SeveritySource.STAFF, ""
    if "category" in fields:
        report.category_source = CategorySource.STAFF if report.category else CategorySource.NONE
        report.category_confidence = None
    if "department" in fields:
        report.routed_by, report.routing_rule = RoutedBy.STAFF, None
        report.routing_reason = ""
    elif "category" in fields:
        send(report, _book(report), certain=is_certain(report))
    if "category" in fields:
        adopt_rule(report)
    elif "severity" in fields:
        set_deadlines(report)


def _whereabouts(report: Report) -> str:
    department = report.department or "no department"
    return f"{report.category or 'No category'}: sent to {department}."
