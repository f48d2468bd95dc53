"""Bring the city's figures up to date."""

from __future__ import annotations

import time
from datetime import date, timedelta

from django.db import transaction
from django.db.models.functions import Now

from jobs.ledger import database
from reports.figures import cells, dashboard, days
from reports.models import CityFigures

#: The pause after a computation, as a multiple of the time that it took. The figures of many
#: reports take seconds.
PAUSE_FACTOR = 20
#: The greatest age of the figures, which bounds the pause. `refresh_when_due` is called every 15
#: seconds, and what happens while one computation runs is seen at the end of the next.
OLDEST, CALLED_EVERY = timedelta(seconds=60), timedelta(seconds=15)
_LOCK = "city figures"


def refresh_when_due() -> int:
    """Compute all figures anew unless they were computed just now; return as `refresh` does."""
    last = CityFigures.objects.first()
    is_recent = last is not None and database.now() - last.computed_at < _pause(last.seconds)
    return 0 if is_recent else refresh()


def _pause(seconds: float) -> timedelta:
    """Return the pause after a computation of so many seconds; it is at least as long."""
    taken = timedelta(seconds=seconds)
    return max(taken, min(PAUSE_FACTOR * taken, OLDEST - CALLED_EVERY - 2 * taken))


@transaction.atomic
def refresh() -> int:
    """Compute all figures anew and store them; return how many rows of days changed."""
    began_at = time.monotonic()
    database.lock(_LOCK)
    digest = cells.assign()
    changed = days.REPORTS.update() + days.POSTS.update()
    values = {
        "content": dashboard.compute(),
        "areas_digest": digest,
        "computed_at": Now(),
        "seconds": time.monotonic() - began_at,
    }
    CityFigures.objects.update_or_create(pk=1, defaults=values)
    return changed


def freeze_posts(*, before: date) -> bool:
    """Let the figures of posts before this day stay as they are now, whatever becomes of the posts.

    In the caller's transaction, which then may delete such posts. Return False where no figures
    were ever computed.
    """
    database.lock(_LOCK)
    figures = CityFigures.objects.first()
    if figures is None:
        return False
    if figures.posts_since is None or figures.posts_since < before:
        days.POSTS.update()
        CityFigures.objects.update(posts_since=before)
    return True
