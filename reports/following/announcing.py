"""Announce what happens to a report: to its reporters at once, to everybody else in bulk."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from notifications.actors import notify_user
from reports.following import actors, follows, news, unsubscribing
from reports.models import Comment, Report, StatusChange, merged_into


def announce_step(report: Report, change: StatusChange) -> None:
    """Notify everybody who follows a report of a step, in the caller's transaction.

    These are the reporters and followers of the report and of those merged into it, each once.
    Followers hear of a public report only.
    """
    facts = {"status": change.get_to_status_display(), "note": change.note}
    _announce(report, "report_status_changed", facts, f"report:{report.pk}:status:{change.pk}")


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


def _announce(report: Report, template: str, facts: dict[str, str], event: str) -> None:
    family = [*merged_into(report), report]
    reporters = _notify_reporters(report, family, template, facts, event)
    if report.published_at is None or not report.is_live:
        return
    others = follows.followers_of(report.pk, after=None, limit=len(reporters) + 1)
    if {user_id for user_id, _ in others} - reporters:
        besides = sorted(str(user_id) for user_id in reporters)
        actors.notify_followers.send(str(report.pk), f"followed_{template}", facts, event, besides)


def _notify_reporters(
    report: Report, family: list[Report], template: str, facts: dict[str, str], event: str
) -> set[UUID]:
    """Notify the reporters, each of their own report; return all reporters.

    A reporter who has stopped following is not notified.
    """
    stopped = follows.stopped(family)
    by_reporter = {
        one.reporter_id: one for one in family if one.reporter_id is not None and one.is_live
    }
    for reporter_id, own in by_reporter.items():
        if (own.pk, reporter_id) in stopped:
            continue
        context = about(own, reporter_id) | facts
        own_event = event if own == report else f"{event}:{own.pk}"
        notify_user.send(str(reporter_id), template, context, own_event)
    return set(by_reporter)


def about(report: Report, user_id: UUID) -> dict[str, Any]:
    """Return what every message to a user about a report has."""
    return {
        "report_id": str(report.pk),
        "path": f"/reports/{report.pk}",
        "title": report.title,
        "unsubscribe_path": unsubscribing.path_for_report(user_id, report.pk),
    }
