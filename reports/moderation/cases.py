"""Cases of moderation: hold something back, and decide about it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from accounts.actors import credit_reputation, record_audit_event
from accounts.models import User
from jobs.ledger import database, rows
from notifications.actors import notify_user
from reports.errors import AlreadyDecided
from reports.following import announcing
from reports.models import ModerationCase, ModerationState, Report, WithholdingReason
from reports.moderation.judging import Reason
from reports.moderation.subjects import subject_of

REJECTION_POINTS = -10
DECIDED = "moderation_decided"  # the template of messages to authors

State = ModerationState


def hold(report: Report, kind: str, subject_id: UUID, reasons: Sequence[Reason]) -> ModerationCase:
    """Open a case about something that is not public yet, in the caller's transaction.

    It goes with the parts of a `together` block.
    """
    case = ModerationCase(
        report=report,
        kind=kind,
        subject_id=subject_id,
        reasons=[reason.as_json() for reason in reasons],
    )
    rows.insert_together(case)
    return case


@transaction.atomic
def case_of(report: Report, kind: str, subject_id: UUID) -> ModerationCase:
    """Return the case about something, locked; one that is made for it is decided as approved.

    The report is locked first, as by every step of staff, so that the two never deadlock.
    """
    lock_report(report.pk)
    ModerationCase.objects.bulk_create(
        [
            ModerationCase(
                report=report,
                kind=kind,
                subject_id=subject_id,
                state=State.APPROVED,
                is_withheld=False,
            )
        ],
        ignore_conflicts=True,
    )
    return ModerationCase.objects.select_for_update().get(kind=kind, subject_id=subject_id)


def hold_again(
    report: Report, kind: str, subject_id: UUID, reasons: Sequence[Reason]
) -> ModerationCase:
    """Withhold something whose words changed until staff have looked, in the caller's transaction.

    What was rejected stays so.
    """
    case = case_of(report, kind, subject_id)
    if case.state != State.REJECTED:
        case.state, case.reasons = State.WAITING, [reason.as_json() for reason in reasons]
        withhold(case)
        case.save()
    return case


def lock_report(report_id: UUID) -> None:
    """Lock a report against other changes until the caller's transaction ends."""
    list(Report.objects.select_for_update(no_key=True).filter(pk=report_id).values("pk"))


@transaction.atomic
def approve(case: ModerationCase, *, by: User, note: str = "", reconsiders: bool = False) -> None:
    """Make the subject of a case public; its author is notified if it was withheld.

    Raises:
        AlreadyDecided: the case does not wait, and `reconsiders` is off.
    """
    case = _locked(case, reconsiders=reconsiders)
    was_withheld = case.is_withheld
    _decide(case, State.APPROVED, by=by, note=note)
    if was_withheld:
        subject_of(case.kind).publish(case.subject_id, by, case.was_public_since)
        _notify_author(case)


@transaction.atomic
def reject(
    case: ModerationCase,
    *,
    by: User,
    reason: str = WithholdingReason.OTHER,
    note: str = "",
    reconsiders: bool = False,
) -> None:
    """Keep the subject of a case from the public, for good; its author is notified of the reason.

    Advertising, insults and untruths cost its author reputation.

    Raises:
        AlreadyDecided: the case does not wait, and `reconsiders` is off.
    """
    case = _locked(case, reconsiders=reconsiders)
    subject = subject_of(case.kind)
    withhold(case)
    case.rejection = reason
    _decide(case, State.REJECTED, by=by, note=note)
    if not subject.reject(case.subject_id, by, _explanation(case)):
        _notify_author(case)
    _charge_author(case)


def withhold(case: ModerationCase) -> None:
    """Hide the subject of a locked case from the public; the caller saves the case."""
    public_since = subject_of(case.kind).withhold(case.subject_id)
    case.was_public_since = public_since or case.was_public_since
    case.is_withheld = True


def _locked(case: ModerationCase, *, reconsiders: bool) -> ModerationCase:
    lock_report(case.report_id)
    locked = ModerationCase.objects.select_for_update().get(pk=case.pk)
    if locked.state != State.WAITING and not reconsiders:
        raise AlreadyDecided(f"This was {locked.get_state_display()} already.")
    return locked


def _decide(case: ModerationCase, state: str, *, by: User, note: str) -> None:
    case.state, case.decided_by, case.note = state, by, note
    case.decided_at = database.now()
    case.is_withheld = state == State.REJECTED
    if state == State.APPROVED:
        case.rejection = ""
    case.save()
    record_audit_event.send(
        f"moderation.{state}",
        str(by.pk),
        f"{case.kind}:{case.subject_id}",
        {"report": str(case.report_id), "reason": case.rejection},
    )


def _explanation(case: ModerationCase) -> str:
    """Return the reason of a rejection and the note, as one sentence for its author."""
    reason = case.get_rejection_display()
    return f"{reason.capitalize()}. {case.note}".strip()


def _notify_author(case: ModerationCase) -> None:
    """Notify the author of a decision: a user, or the report's reporter who left an address."""
    author, report = subject_of(case.kind).author(case.subject_id), case.report
    if case.decided_at is None:
        return
    facts = {
        "kind": case.get_kind_display(),
        "outcome": case.state,
        "note": _explanation(case) if case.state == State.REJECTED else case.note,
    }
    event = f"moderation:{case.pk}:{case.decided_at.isoformat()}"
    if author.user_id is not None:
        about = {
            "report_id": str(report.pk),
            "path": f"/reports/{report.pk}",
            "title": report.title,
        }
        notify_user.send(str(author.user_id), DECIDED, about | facts, event)
    elif author.is_anonymous_reporter:
        announcing.notify_contacts(report, [report], DECIDED, facts, event)


def _charge_author(case: ModerationCase) -> None:
    """Take points from the author once for each thing that was rejected for what it is."""
    author_id = subject_of(case.kind).author(case.subject_id).user_id
    costs = {WithholdingReason.SPAM, WithholdingReason.INSULT, WithholdingReason.UNTRUE}
    if author_id is None or case.rejection not in costs:
        return
    credit_reputation.send(
        str(author_id), REJECTION_POINTS, f"moderation:{case.pk}:rejected", "rejected by moderation"
    )
