"""The day's message about new reports in a person's areas."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now

from accounts.models import User
from notifications.actors import notify_user
from reports.following import unsubscribing
from reports.models import AreaNews

BATCH_PEOPLE = 100
LINES_MAXIMUM = 20


def send_batch(*, after: str) -> str:
    """Send the next people the news that they have not got.

    Return the last one's id, "" after the end. News of reports that are not public any more are
    dropped.
    """
    waiting = User.objects.filter(area_subscriptions__news__sent_at=None).exclude(
        area_subscriptions__news=None
    )
    if after:
        waiting = waiting.filter(pk__gt=UUID(after))
    people = list(waiting.distinct().order_by("pk").values_list("pk", flat=True)[:BATCH_PEOPLE])
    for user_id in people:
        _send(user_id)
    return str(people[-1]) if len(people) == BATCH_PEOPLE else ""


def _send(user_id: UUID) -> None:
    unsent = AreaNews.objects.filter(subscription__user=user_id, sent_at=None)
    held = list(unsent.select_for_update(of=("self",)).values_list("pk", flat=True))
    news = AreaNews.objects.filter(pk__in=held)
    shown = news.filter(report__published_at__isnull=False).order_by("report_id")
    reports = list(
        shown.distinct("report_id").values_list("report_id", "report__title", "report__address")
    )
    if reports:
        lines = [_line(*report) for report in reports[:LINES_MAXIMUM]]
        more = len(reports) - len(lines)
        context = {
            "path": "/",
            "count": str(len(reports)),
            "items": "\n\n".join([*lines, *([f"… and {more} more"] if more else [])]),
            "unsubscribe_path": unsubscribing.path_for_daily_news(user_id),
        }
        notify_user.send(str(user_id), "area_digest", context, f"areas:{user_id}:{max(held)}")
    news.filter(sent_at=None).update(sent_at=Now())


def _line(report_id: UUID, title: str, address: str) -> str:
    place = f" ({address})" if address else ""
    return f"{title}{place}\n{settings.PUBLIC_URL}/reports/{report_id}"
