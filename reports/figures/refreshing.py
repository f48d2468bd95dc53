"""Bring the city's figures up to date."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from reports.figures import cells, dashboard, days
from reports.models import CityFigures


@transaction.atomic
def refresh() -> int:
    """Compute all figures anew and store them; return how many rows of days changed."""
    digest = cells.assign()
    changed = days.REPORTS.update() + days.POSTS.update()
    values = {"content": dashboard.compute(), "areas_digest": digest, "computed_at": Now()}
    CityFigures.objects.update_or_create(pk=1, defaults=values)
    return changed
