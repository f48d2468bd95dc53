"""Cycles: one round over the sources that are due, a task each, and what all of them brought."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from jobs.ledger.database import now
from reports.collection.storing import Stored
from reports.models import CollectionCycle, Source, SourceKind

log = structlog.get_logger(__name__)

#: A cycle whose end was never noted, such as one whose task an operator cancelled.
ABANDONED_AFTER = timedelta(hours=6)


def begin(*, is_whole: bool) -> tuple[CollectionCycle, list[str]] | None:
    """Begin a cycle; return it with the ids of the sources to fetch.

    Return None while the one before is under way, and, unless the cycle is whole, where no source
    is due.
    """
    if is_whole:
        _add_subreddits()
    due = Source.objects.due(with_all_of_cycle=is_whole)
    if not is_whole and not due.exists():
        return None
    cycle = _opened(is_whole=is_whole)
    if cycle is None:
        log.info("collection cycle skipped", reason="the one before is under way")
        return None
    sources = due.begin()
    CollectionCycle.objects.filter(pk=cycle.pk).update(sources=len(sources))
    log.info("collection cycle started", cycle=cycle.pk, sources=len(sources), whole=is_whole)
    return cycle, [str(pk) for pk in sources]


def _opened(*, is_whole: bool) -> CollectionCycle | None:
    """Return a new cycle, or None where one is open."""
    open_ones = CollectionCycle.objects.filter(is_whole=is_whole, finished_at=None)
    open_ones.filter(started_at__lt=now() - ABANDONED_AFTER).update(finished_at=Now())
    try:
        with transaction.atomic():
            return CollectionCycle.objects.create(is_whole=is_whole)
    except IntegrityError:
        return None


def _add_subreddits() -> None:
    """Add a source for each name of SUBREDDIT_LIST that has none."""
    known = Source.objects.filter(kind=SourceKind.REDDIT, address__in=settings.SUBREDDIT_LIST)
    for address in sorted(
        set(settings.SUBREDDIT_LIST) - {*known.values_list("address", flat=True)}
    ):
        name = f"r/{address}"[:60]
        if Source.objects.filter(name=name).exists():
            name = f"{name} (SUBREDDIT_LIST)"
        source = Source(kind=SourceKind.REDDIT, address=address[:500], name=name)
        Source.objects.bulk_create([source], ignore_conflicts=True)


def count(cycle_id: int | None, stored: Stored, *, failed: int = 0) -> None:
    """Add to the counts of a cycle; in the transaction of what is counted."""
    if cycle_id is not None:
        CollectionCycle.objects.filter(pk=cycle_id).update(
            new_posts=F("new_posts") + stored.new,
            edited_posts=F("edited_posts") + stored.edited,
            deleted_posts=F("deleted_posts") + stored.deleted,
            too_old_posts=F("too_old_posts") + stored.too_old,
            failed=F("failed") + failed,
        )


def finish(cycle_id: int) -> None:
    """Note the end of a cycle, once the tasks of all its sources have ended."""
    CollectionCycle.objects.filter(pk=cycle_id, finished_at=None).update(finished_at=Now())
    cycle = CollectionCycle.objects.get(pk=cycle_id)
    log.info(
        "collection cycle completed",
        cycle=cycle.pk,
        sources=cycle.sources,
        failed=cycle.failed,
        new_posts=cycle.new_posts,
        edited_posts=cycle.edited_posts,
        deleted_posts=cycle.deleted_posts,
        too_old_posts=cycle.too_old_posts,
    )
