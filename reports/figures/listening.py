"""What is written at the outside sources: how much, in which tone, and about what."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from reports.figures.timeseries import POST_COUNTS, mean_tone
from reports.models import PostDayFigures, Source

WEEK = timedelta(days=7)
WEEKS_BEFORE = 4
TOPICS_MAXIMUM = 20
#: A topic rises if so many posts, or more, would come by chance in one week of a hundred.
CHANCE = 0.01
POSTS_MINIMUM = 5
#: What a quiet topic is expected to bring in a week.
EXPECTED_MINIMUM = 0.5


def compute() -> dict[str, Any]:
    """Return what the dashboard shows of posts; a week is the last 7 days, with today."""
    today = timezone.localdate()
    topics = _topics(today)
    return {
        **_week(PostDayFigures.objects.all(), today),
        "by_source": _by_source(today),
        "topics": topics[:TOPICS_MAXIMUM],
        "rising_topics": [topic for topic in topics if is_rising(topic["posts"], topic["usual"])],
    }


def is_rising(posts: int, usual: float) -> bool:
    """Return whether a week brought more posts than chance explains.

    By the upper tail of the Poisson distribution with the mean of the weeks before.
    """
    expected = max(usual, EXPECTED_MINIMUM)
    if posts < POSTS_MINIMUM or posts <= expected:
        return False
    below = math.fsum(
        math.exp(number * math.log(expected) - expected - math.lgamma(number + 1))
        for number in range(posts)
    )
    return 1 - below < CHANCE


def _week(rows: QuerySet[PostDayFigures], today: date) -> dict[str, Any]:
    sums = rows.aggregate(**_sums("last", _until(today)), **_sums("before", _until(today - WEEK)))
    return {
        "posts": sums["last_posts"],
        "sentiment": mean_tone(sums["last_tone"], sums["last_scored"]),
        "posts_week_before": sums["before_posts"],
        "sentiment_week_before": mean_tone(sums["before_tone"], sums["before_scored"]),
    }


def _until(day: date, *, weeks: int = 1) -> Q:
    """Choose the days of the weeks that end with this day."""
    return Q(day__gt=day - weeks * WEEK, day__lte=day)


def _sums(name: str, days: Q) -> dict[str, Sum]:
    return {f"{name}_{column}": Sum(column, filter=days, default=0) for column in POST_COUNTS}


def _by_source(today: date) -> list[dict[str, Any]]:
    """Return the enabled sources by name."""
    return [
        {
            "source": source.name,
            "kind": source.kind,
            **_week(PostDayFigures.objects.filter(source=source), today),
        }
        for source in Source.objects.filter(is_enabled=True).order_by("name")
    ]


def _topics(today: date) -> list[dict[str, Any]]:
    """Return the topics of the last week beside the mean of the weeks before, the largest first."""
    last, before = _until(today), _until(today - WEEK, weeks=WEEKS_BEFORE)
    sums = (
        PostDayFigures.objects.filter(last | before)
        .exclude(topic="")
        .values("topic")
        .annotate(**_sums("last", last), **_sums("before", before))
    )
    topics = [topic for topic in sums if topic["last_posts"]]
    return [
        {
            "topic": topic["topic"],
            "posts": topic["last_posts"],
            "usual": round(topic["before_posts"] / WEEKS_BEFORE, 2),
            "sentiment": mean_tone(topic["last_tone"], topic["last_scored"]),
        }
        for topic in sorted(topics, key=lambda topic: (-topic["last_posts"], topic["topic"]))
    ]
