"""Bring the city's figures up to date."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from jobs.ledger import database
from reports.figures import cells, dashboard, days
from reports.models import CityFigures

#: The figures of many reports take seconds. Between two computations so many times as long passes,
PAUSE_FACTOR = 20
#: but no more than this, so that they are never older than a minute.
PAUSE_MAXIMUM = timedelta(seconds=45)


def refresh_when_due() -> int:
    """Compute all figures anew unless they were computed just now; return as `refresh` does."""
    last = CityFigures.objects.first()
    if last is not None:
        pause = min(PAUSE_FACTOR * timedelta(seconds=last.seconds), PAUSE_MAXIMUM)
        if database.now() - last.computed_at < pause:
            return 0
    return refresh()


@transaction.atomic
def refresh() -> int:
    """Compute all figures anew and store them; return how many rows of days changed."""
    began_at = time.monotonic()
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
