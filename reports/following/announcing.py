"""Announce what happens to a report: to its reporters at once, to everybody else in bulk."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from notifications.actors import notify_contact, notify_user
from reports.following import actors, follows, news, unsubscribing
from reports.models import (
    Comment,
    Report,
    ReportContact,
    Role,
    Status,
    StatusChange,
    merged_into,
)


def announce_step(report: Report, change: StatusChange) -> None:
    """Notify everybody who follows a report of a step, in the caller's transaction.

    These are the reporters and followers of the report and of those merged into it, each once.
    Followers hear of a public report only, and a reporter not of their own step.
    """
    note = "" if change.is_internal else change.note
    facts = {"status": change.get_to_status_display(), "note": note}
    event = f"report:{report.pk}:status:{change.pk}"
    # Of this a link is made with which reporters say whether the problem is repaired.
    question = {"confirm_repair": f"{report.pk}:{change.pk}"} if _is_resolution(change) else {}
    taker = _taker(report, change)
    _announce(report, "report_status_changed", facts, event, but=taker, to_reporters=question)


def has_audience(report: Report, change: StatusChange) -> bool:
    """Return whether anybody is notified of a step by `announce_step`."""
    family = [*merged_into(report), report]
    reporters = _reporters(family, but=_taker(report, change))
    stopped = follows.stopped(family)
    if any((own.pk, reporter_id) not in stopped for reporter_id, own in reporters.items()):
        return True
    return bool(_with_contact(family) or _others(report, set(_reporters(family))))


def announce_reply(report: Report, reply: Comment) -> None:
    """Notify everybody who follows a report of an official reply, as of a step."""
    department = reply.department.name if reply.department else ""
    facts = {"department": department, "text": reply.text}
    _announce(report, "report_reply", facts, f"comment:{reply.pk}")


def announce_report(report: Report) -> None:
    """Announce a new public report to those who subscribed to an area that may hold it.

    In the caller's transaction. Whoever was notified of the report before is not notified again.
    """
    if news.may_interest(report):
        actors.announce_in_areas.send(str(report.pk))


def _is_resolution(change: StatusChange) -> bool:
    return change.to_status == Status.RESOLVED != change.from_status


def _taker(report: Report, change: StatusChange) -> UUID | None:
    """Return the reporter who took a step with their own report."""
    return report.reporter_id if change.role == Role.REPORTER else None


def _announce(
    report: Report,
    template: str,
    facts: dict[str, str],
    event: str,
    *,
    but: UUID | None = None,
    to_reporters: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Notify everybody but one; `to_reporters` are further facts that only reporters get."""
    family = [*merged_into(report), report]
    own_facts = {**facts, **to_reporters}
    _notify_reporters(report, family, template, own_facts, event, but=but)
    reporters = set(_reporters(family))
    if _others(report, reporters):
        besides = sorted(str(user_id) for user_id in reporters)
        actors.notify_followers.send(str(report.pk), f"followed_{template}", facts, event, besides)


def _others(report: Report, reporters: set[UUID]) -> set[UUID]:
    """Return one or more of the followers beside the reporters, if the report has any."""
    if report.published_at is None or not report.is_live:
        return set()
    followers = follows.followers_of(report.pk, after=None, limit=len(reporters) + 1)
    return {user_id for user_id, _ in followers} - reporters


def _reporters(family: list[Report], *, but: UUID | None = None) -> dict[UUID, Report]:
    """Return the reporters of these reports, each with their own, the last one where several."""
    return {
        one.reporter_id: one
        for one in family
        if one.reporter_id is not None and one.is_live and one.reporter_id != but
    }


def _notify_reporters(
    report: Report,
    family: list[Report],
    template: str,
    facts: dict[str, str],
    event: str,
    *,
    but: UUID | None,
) -> None:
    """Notify the reporters but one, each of their own report.

    A reporter who has stopped following is not notified.
    """
    stopped = follows.stopped(family)
    for reporter_id, own in _reporters(family, but=but).items():
        if (own.pk, reporter_id) in stopped:
            continue
        context = about(own, reporter_id) | facts
        own_event = event if own == report else f"{event}:{own.pk}"
        notify_user.send(str(reporter_id), template, context, own_event)
    notify_contacts(report, family, template, facts, event)


def notify_contacts(
    report: Report, family: list[Report], template: str, facts: dict[str, str], event: str
) -> None:
    """Notify the anonymous reporters who left an address, each of their own report."""
    for own in _with_contact(family):
        context = {
            "report_id": str(own.pk),
            "path": f"/reports/{own.pk}",
            "title": own.title,
            **facts,
        }
        own_event = event if own == report else f"{event}:{own.pk}"
        notify_contact.send(f"report:{own.pk}", template, context, own_event)


def _with_contact(family: list[Report]) -> list[Report]:
    """Return the reports whose anonymous reporters left an address and want to be told."""
    anonymous = {
        report.pk: report for report in family if report.reporter_id is None and report.is_live
    }
    if not anonymous:
        return []
    contacts = ReportContact.objects.filter(report__in=anonymous, wants_updates=True)
    return [anonymous[report_id] for report_id in contacts.values_list("pk", flat=True)]


def about(report: Report, user_id: UUID) -> dict[str, Any]:
    """Return what every message to a user about a report has."""
    return {
        "report_id": str(report.pk),
        "path": f"/reports/{report.pk}",
        "title": report.title,
        "unsubscribe_path": unsubscribing.path_for_report(user_id, report.pk),
    }
