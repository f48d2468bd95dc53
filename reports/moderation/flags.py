"""Flags: anybody's hint that a report or comment should be looked at."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.http import limits
from reports.models import Flag, ModerationCase, ModerationState, Report
from reports.moderation import cases, levels
from reports.moderation.judging import Reason

FLAGGED = Reason("flagged", "Somebody flagged it.")


@transaction.atomic
def flag(
    report: Report,
    kind: str,
    subject_id: UUID,
    *,
    by: User | None,
    host: str,
    reason: str,
    note: str = "",
    may_hide: bool = True,
) -> None:
    """Note that a person finds something improper, once, and put it into moderation's queue.

    Without `by` all who share the address `host` count as one person. Enough flags by trusted
    citizens hide it until staff have looked, if `may_hide`; what staff have approved is not hidden
    again by flags.
    """
    case = cases.case_of(report, kind, subject_id)
    person = {"by": by, "host": "" if by else limits.digest(f"flag:{host}")}
    if case.flags.filter(**person).exists():
        return
    Flag.objects.create(case=case, **person, reason=reason, note=note)
    _queue(case, may_hide=may_hide)
    record_audit_event.send(
        "moderation.flagged",
        str(by.pk) if by else None,
        f"{kind}:{subject_id}",
        {"reason": reason},
    )


def _queue(case: ModerationCase, *, may_hide: bool) -> None:
    """Let a locked case wait for a decision; what was rejected stays so."""
    if case.state == ModerationState.REJECTED:
        return
    case.state = ModerationState.WAITING
    if FLAGGED.as_json() not in case.reasons:
        case.reasons = [*case.reasons, FLAGGED.as_json()]
    if may_hide and not case.is_withheld and _is_condemned(case):
        cases.withhold(case)
    case.save()


def _is_condemned(case: ModerationCase) -> bool:
    """Return whether so many trusted citizens flagged it that it is hidden before staff look."""
    if case.decided_at is not None or not settings.MODERATION_FLAGS_TO_HIDE:
        return False
    flags = case.flags.filter(by__is_active=True).select_related("by")
    trusted = sum(levels.is_trusted(flag.by) for flag in flags if flag.by)
    return trusted >= settings.MODERATION_FLAGS_TO_HIDE
