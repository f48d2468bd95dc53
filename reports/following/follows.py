"""Follow reports, stop it, and say that one has the same problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.ledger import together
from jobs.ledger.database import execute, fetch
from jobs.ledger.together import Part
from reports.errors import NoContact
from reports.models import MeToo, Report, ReportContact
from reports.models.following import FAMILY


@dataclass(frozen=True, slots=True)
class Standing:
    """How many people take part in a report, and whether the reader does.

    Those of the reports that were merged into it count too, each person once.
    """

    follower_count: int = 0
    me_too_count: int = 0
    comment_count: int = 0
    is_followed: bool = False
    is_me_too: bool = False


def standings(report_ids: list[UUID], user_id: UUID | None) -> dict[UUID, Standing]:
    """Return the standing of each report for this reader, in one statement."""
    rows = fetch(_STANDINGS, {"reports": report_ids, "user": user_id})
    return {report_id: Standing(*counts) for report_id, *counts in rows}


def attach_standings(reports: Sequence[Report], user_id: UUID | None) -> None:
    """Set `standing` on each report, as this reader sees it."""
    by_id = standings([report.pk for report in reports], user_id)
    for report in reports:
        attach_standing(report, by_id.get(report.pk, Standing()))


def attach_standing(report: Report, standing: Standing) -> None:
    """Set `standing` on a report, where it is known."""
    report.standing = standing  # type: ignore[attr-defined]  # for its serializer


def follow(report: Report, user: User) -> None:
    """Let a user follow a report, also one who had stopped."""
    execute(_FOLLOW, {"report": report.pk, "user": user.pk})


def set_updates(report: Report, *, wants_updates: bool) -> None:
    """Let the anonymous reporter of a report be told of it at the address they left, or not.

    Raises:
        NoContact: they left none.
    """
    contact = ReportContact.objects.filter(report=report)
    if not contact.update(wants_updates=wants_updates):
        raise NoContact


def holders_standing(report: Report) -> Standing:
    """Return the standing of a report for its anonymous reporter."""
    standing = standings([report.pk], None).get(report.pk, Standing())
    contact = ReportContact.objects.filter(report=report, wants_updates=True)
    return replace(standing, is_followed=contact.exists())


def follow_from_the_start(report: Report, user_id: UUID) -> None:
    """Let a user follow a report in which they take part, unless they once stopped.

    It goes with the parts of a `together` block.
    """
    together.send(Part(_FOLLOW_UNLESS_ENDED, (report.pk, user_id)))


def unfollow(report_id: UUID, user_id: UUID) -> None:
    """End every message to a user about a report and those that were merged into it."""
    execute(_UNFOLLOW, {"reports": [report_id], "user": user_id})


@transaction.atomic
def add_me_too(report: Report, user: User) -> None:
    """Note that a user has the problem of a report too; they follow it from then on."""
    if report.reporter_id == user.pk:
        return
    new = MeToo(report=report, user=user)
    MeToo.objects.bulk_create([new], ignore_conflicts=True)
    follow_from_the_start(report, user.pk)
    record_audit_event.send("report.me_too", str(user.pk), f"report:{report.pk}", {})


def remove_me_too(report: Report, user: User) -> None:
    """Take back that a user has the problem of a report too; they follow it as before."""
    MeToo.objects.filter(report=report, user=user).delete()


def followers_of(report_id: UUID, *, after: UUID | None, limit: int) -> list[tuple[UUID, UUID]]:
    """Return people who follow a report or one merged into it, and which of these they follow.

    The people come in the order of their ids, from the one behind `after`.
    """
    values = {"reports": [report_id], "after": after or UUID(int=0), "limit": limit}
    return [(user_id, followed) for user_id, followed in fetch(_FOLLOWERS, values)]


def stopped(reports: list[Report]) -> set[tuple[UUID, UUID]]:
    """Return the report and the person of everybody who stopped following one of the reports."""
    ended = Report.objects.filter(pk__in=[report.pk for report in reports])
    return set(ended.filter(follows__ended_at__isnull=False).values_list("pk", "follows__user_id"))


_STANDINGS = (
    FAMILY  # noqa: S608 - constants
    + """
    , taking_part AS (
        SELECT family.root, follow.user_id, 'follow' AS kind
        FROM reports_follow follow JOIN family ON family.id = follow.report_id
        WHERE follow.ended_at IS NULL
        UNION ALL
        SELECT family.root, metoo.user_id, 'me too'
        FROM reports_metoo metoo JOIN family ON family.id = metoo.report_id
        UNION ALL
        SELECT comment.report_id, NULL, 'comment' FROM reports_comment comment
        WHERE comment.report_id = ANY(%(reports)s::uuid[])
            AND comment.published_at IS NOT NULL AND comment.deleted_at IS NULL
    )
    SELECT root,
        count(DISTINCT user_id) FILTER (WHERE kind = 'follow'),
        count(DISTINCT user_id) FILTER (WHERE kind = 'me too'),
        count(*) FILTER (WHERE kind = 'comment'),
        coalesce(bool_or(user_id = %(user)s::uuid) FILTER (WHERE kind = 'follow'), false),
        coalesce(bool_or(user_id = %(user)s::uuid) FILTER (WHERE kind = 'me too'), false)
    FROM taking_part GROUP BY root
"""
)

_FOLLOW = """
    INSERT INTO reports_follow (report_id, user_id, at) VALUES (%(report)s, %(user)s, now())
    ON CONFLICT (report_id, user_id) DO UPDATE SET ended_at = NULL, at = excluded.at
    WHERE reports_follow.ended_at IS NOT NULL
"""

_FOLLOW_UNLESS_ENDED = """
    INSERT INTO reports_follow (report_id, user_id, at) VALUES (%s, %s, now())
    ON CONFLICT (report_id, user_id) DO NOTHING
"""

# Also of those reports that the person wrote, whose messages come without a row.
_UNFOLLOW = (
    FAMILY  # noqa: S608 - constants
    + """
    INSERT INTO reports_follow (report_id, user_id, at, ended_at)
    SELECT family.id, %(user)s, now(), now()
    FROM family JOIN reports_report report ON report.id = family.id
    WHERE report.reporter_id = %(user)s OR EXISTS (
        SELECT FROM reports_follow held
        WHERE held.report_id = family.id AND held.user_id = %(user)s)
    ORDER BY family.id
    ON CONFLICT (report_id, user_id) DO UPDATE SET ended_at = now()
    WHERE reports_follow.ended_at IS NULL
"""
)

_FOLLOWERS = (
    FAMILY  # noqa: S608 - constants
    + """
    SELECT user_id, (array_agg(report_id ORDER BY report_id = root DESC))[1]
    FROM reports_follow JOIN family ON family.id = report_id
    WHERE ended_at IS NULL AND user_id > %(after)s
    GROUP BY user_id ORDER BY user_id LIMIT %(limit)s
"""
)
