"""The tasks of following. `reports.actors` makes them known to the workers."""

from __future__ import annotations

from datetime import timedelta

import jobs
from reports.following import broadcasts, digests, news

HOUR = timedelta(hours=1)


# It needs nothing but our own database. It sends itself for the next people, so that no
# transaction is long.
@jobs.actor(queue_name="notifications", is_bulk=True, outlasts=HOUR)
def notify_followers(
    report_id: str,
    template: str,
    facts: dict[str, str],
    event: str,
    besides: list[str],
    after: str = "",
) -> None:
    """Notify the followers of a report of a step or reply, except those in `besides`."""
    last = broadcasts.notify_batch(report_id, template, facts, event, besides=besides, after=after)
    if last:
        notify_followers.send(report_id, template, facts, event, besides, last)


# It needs nothing but our own database.
@jobs.actor(queue_name="notifications", is_bulk=True, outlasts=HOUR)
def announce_in_areas(report_id: str, after: str = "") -> None:
    """Note a new public report for the subscriptions whose area holds it, and notify at once
    those who want that.
    """
    last = news.announce_batch(report_id, after=after)
    if last:
        announce_in_areas.send(report_id, last)


# The next day's message holds what this one left.
@jobs.actor(queue_name="notifications", is_bulk=True, outlasts=HOUR)
def send_area_digests(after: str = "") -> None:
    """Send everybody the day's new reports in their areas, some people at a time."""
    last = digests.send_batch(after=after)
    if last:
        send_area_digests.send(last)
