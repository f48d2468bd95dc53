"""Nearly three months of reports before those of `past`, all done, as an earlier system left them.

They have no reporters and no talk, so that they are stored quickly; forecasts learn from them.
"""

from __future__ import annotations

import random
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from reports.catalogue.deadlines import adopt_rule
from reports.demo import past, texts
from reports.demo.city import City
from reports.demo.past import History
from reports.models import CategorySource, Report, Severity, Status, StatusChange
from reports.routing import assignment
from reports.routing.rules import RuleBook

SOURCE = "earlier system"
REPORT_COUNT = 240
#: How many days ago the first of them came; the last came before those of `past`.
DAYS = 145
STEPS = ("triage", "start", "resolve", "expire")
#: That system had no rules: the category decided.
NO_RULES = RuleBook(rules=(), triage=None)


@transaction.atomic
def load(city: City) -> int:
    """Store the reports; return how many, 0 if they are there already."""
    if Report.objects.filter(source=SOURCE).exists():
        return 0
    rng = random.Random(21)  # noqa: S311  # a repeatable city, no secret
    histories = [_history(number, city, rng) for number in range(REPORT_COUNT)]
    Report.objects.bulk_create([history[0].report for history in histories])
    StatusChange.objects.bulk_create([line for history in histories for line in history])
    return len(histories)


def _history(number: int, city: City, rng: random.Random) -> History:
    """Return a report that was done, not stored yet, as its history."""
    report = _report(number, city, rng)
    assignment.send(report, NO_RULES, certain=True)
    adopt_rule(report)
    arrival = StatusChange(report=report, to_status=Status.NEW, at=report.created_at)
    steps = zip(STEPS, past.moments(report, len(STEPS), rng), strict=True)
    return [arrival, *(past.step_of(report, name, at, city) for name, at in steps)]


def _report(number: int, city: City, rng: random.Random) -> Report:
    """Return a report of the period, over which they are spread evenly."""
    slug, title, description = texts.REPORTS[rng.randrange(len(texts.REPORTS))]
    place = rng.choice(texts.read("city")["neighbourhoods"])
    street = rng.choice(place["streets"])
    age = DAYS - (DAYS - past.DAYS) * (number + rng.random()) / REPORT_COUNT
    created_at = timezone.now() - timedelta(days=age)
    return Report(
        id=uuid7(),
        title=title,
        description=description.format(street=street),
        latitude=round(place["latitude"] + rng.gauss(0, 0.003), 6),
        longitude=round(place["longitude"] + rng.gauss(0, 0.004), 6),
        address=f"{rng.randint(1, 240)} {street}",
        category=city.categories[slug],
        category_source=CategorySource.REPORTER,
        severity=rng.choices(Severity.values, weights=(3, 8, 3, 1))[0],
        source=SOURCE,
        external_id=f"earlier-{number + 1:03}",
        created_at=created_at,
        updated_at=created_at,
        published_at=created_at,
    )
