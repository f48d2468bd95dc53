"""New public reports as news for the people who subscribed to an area."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now

from jobs.ledger.database import fetch
from jobs.ledger.together import apart
from notifications import broadcasts
from notifications.broadcasts import Addressee
from reports.following import areas, unsubscribing
from reports.models import AreaNews, AreaSubscription, Report

NEW_FOR = timedelta(days=7)
BATCH_SUBSCRIPTIONS = 500


def may_interest(report: Report) -> bool:
    """Return whether a report is new and public, and some subscription's box holds it."""
    if not _is_news(report):
        return False
    with apart():  # no part is about a subscription
        return bool(_around(report, after="", limit=1))


def announce_batch(report_id: str, *, after: str) -> str:
    """Note a report for the next subscriptions that hold it; return the last id, "" at the end."""
    report = Report.objects.select_related("category").get(pk=report_id)
    if not _is_news(report):
        return ""
    around = _around(report, after=after, limit=BATCH_SUBSCRIPTIONS)
    near = AreaSubscription.objects.filter(pk__in=around).order_by("pk")
    inside = [
        subscription
        for subscription in near
        if areas.covers(subscription, report.latitude, report.longitude)
    ]
    AreaNews.objects.bulk_create(
        [AreaNews(subscription=subscription, report=report) for subscription in inside],
        ignore_conflicts=True,
    )
    _send_at_once(report, inside)
    return str(around[-1]) if len(around) == BATCH_SUBSCRIPTIONS else ""


def _is_news(report: Report) -> bool:
    return report.published_at is not None and report.is_live


def _around(report: Report, *, after: str, limit: int) -> list[UUID]:
    """Return the subscriptions whose box and categories hold the report, in order of their ids.

    There are none for an old report. Its reporter knows of it, and those to whom it is news already
    are left out.
    """
    values = {
        "report": report.pk,
        "reporter": report.reporter_id,
        "category": report.category.slug if report.category else "",
        "latitude": report.latitude,
        "longitudes": list(_turns(report.longitude)),
        "after": UUID(after) if after else UUID(int=0),
        "limit": limit,
        "created_at": report.created_at,
        "new_for": NEW_FOR,
    }
    return [subscription_id for (subscription_id,) in fetch(_AROUND, values, is_prepared=True)]


def _turns(longitude: float) -> Iterable[float]:
    """Yield a longitude as it is, and beyond the 180th meridian as a box across it counts it."""
    yield longitude
    if abs(longitude) > 170:
        yield longitude - 360 if longitude > 0 else longitude + 360


def _send_at_once(report: Report, inside: list[AreaSubscription]) -> None:
    """Notify those who want to hear at once; beyond their number a day it is in the day's message.

    A person with several such areas gets one message.
    """
    at_once = AreaSubscription.Delivery.AT_ONCE
    unsent = AreaNews.objects.filter(
        report=report, subscription__in=inside, subscription__delivery=at_once, sent_at=None
    )
    by_user = {
        area_news.subscription.user_id: area_news
        for area_news in unsent.select_related("subscription")
    }
    addressees = [
        Addressee(user_id, _context(report, one.subscription)) for user_id, one in by_user.items()
    ]
    reached = broadcasts.send(
        addressees,
        "area_news",
        event=f"area:{report.pk}",
        per_day=settings.AREA_NEWS_PER_CITIZEN_DAY,
    )
    unsent.filter(subscription__user__in=reached).update(sent_at=Now())


def _context(report: Report, subscription: AreaSubscription) -> dict[str, str]:
    return {
        "path": f"/reports/{report.pk}",
        "title": report.title,
        "address": report.address,
        "area": subscription.name,
        "unsubscribe_path": unsubscribing.path_for_area(subscription.user_id, subscription.pk),
    }


_AROUND = """
    SELECT DISTINCT subscription.id
    FROM unnest(%(longitudes)s::float8[]) AS place (longitude)
    JOIN reports_areasubscription subscription
        ON box(point(west, south), point(east, north))
            @> box(point(place.longitude, %(latitude)s), point(place.longitude, %(latitude)s))
    WHERE %(created_at)s > statement_timestamp() - %(new_for)s
        AND (categories = '{}' OR %(category)s = ANY(categories))
        AND subscription.user_id IS DISTINCT FROM %(reporter)s::uuid
        AND subscription.id > %(after)s
        AND NOT EXISTS (
            SELECT FROM reports_areanews news
            WHERE news.subscription_id = subscription.id AND news.report_id = %(report)s)
    ORDER BY subscription.id LIMIT %(limit)s
"""
