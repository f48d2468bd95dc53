"""Who looks at a report in triage at this moment."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from desk.models import TriageLook
from jobs.ledger import database
from reports.models import Report

#: A look ends so long after the page last renewed it.
LOOK = timedelta(seconds=90)

_LOOK = """
    INSERT INTO desk_triagelook (by_id, report_id, until)
    VALUES (%(by)s, %(report)s, clock_timestamp() + %(for)s)
    ON CONFLICT (by_id) DO UPDATE SET report_id = excluded.report_id, until = excluded.until
"""


@transaction.atomic
def look(report: Report, *, by: User) -> User | None:
    """Note that this person looks at a report; return who else does at this moment, or None.

    Of two who begin at once, the second one learns of the first.
    """
    database.lock(f"triage {report.pk}")
    other = looking_at(report, besides=by)
    database.execute(_LOOK, {"by": by.pk, "report": report.pk, "for": LOOK})
    return other


def looking_at(report: Report, *, besides: User) -> User | None:
    """Return another person who looks at a report at this moment, or None."""
    looks = TriageLook.objects.filter(report=report, until__gt=Now()).exclude(by=besides)
    first = looks.select_related("by").order_by("until").first()
    return first.by if first else None


def leave(by: User) -> None:
    """Note that this person looks at no report any more."""
    TriageLook.objects.filter(by=by).delete()
