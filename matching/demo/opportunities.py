"""The opportunities of the demo city, by invented organisations."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from matching.demo.texts import OPPORTUNITIES
from matching.models import Opportunity
from matching.opportunities.publishing import announce

SOURCE = "demo"
CENTRE = (41.308, -72.928)


def load() -> int:
    """Add the demo's opportunities that are not there yet; return how many.

    Tasks compute their vectors in the background.
    """
    with transaction.atomic():
        known = set(Opportunity.objects.filter(source=SOURCE).values_list("external_id", flat=True))
        new = [
            _opportunity(number) for number in range(len(OPPORTUNITIES)) if str(number) not in known
        ]
        Opportunity.objects.bulk_create(new)
        if new:
            announce([opportunity.pk for opportunity in new])
    return len(new)


def _opportunity(number: int) -> Opportunity:
    kind, title, organisation, category, description = OPPORTUNITIES[number]
    today = timezone.localdate()
    return Opportunity(
        kind=kind,
        title=title,
        organisation=organisation,
        category=category,
        description=description,
        starts_on=today + timedelta(days=number % 21),
        ends_on=today + timedelta(days=60 + number),
        latitude=CENTRE[0] + 0.004 * (number % 7 - 3),
        longitude=CENTRE[1] + 0.006 * (number % 9 - 4),
        is_remote="Remote." in description,
        source=SOURCE,
        external_id=str(number),
    )
