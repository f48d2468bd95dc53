"""`manage.py load_demo`: load the demo city, for development."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

import jobs
from matching.demo import opportunities, profiles
from reports.demo import city, dates, earlier, heavy, outside, past, photos, plans, stories
from reports.figures import refreshing


class Command(BaseCommand):
    help = (
        "Load the demo city: departments, categories, rules, staff, citizens, reports with photos "
        "and all that becomes of them, outside sources, plans for crews, and jobs. Loading it "
        "twice adds nothing."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The demo city has an administrator with a known password: only with DEBUG=on."
            )
        with jobs.entering(jobs.Urgency.BULK, sender="import:demo"):
            elm_harbor = city.load()
            added = sum(part.load(elm_harbor) for part in (earlier, past, stories))
            added_elsewhere = {
                "photos": photos.load(elm_harbor),
                "opportunities": opportunities.load(),
                "profiles": profiles.load(elm_harbor.people.citizens),
                "sources": outside.load(),
                "plans": plans.load(elm_harbor),
            }
            refreshing.refresh()  # what is counted by day is what jobs forecast from
            added_elsewhere["forecast dates"] = dates.load()
            added_elsewhere["jobs"] = heavy.load(elm_harbor.people.administrator)
        self.stdout.write(
            f"Demo city: {added} reports added." if added else "Demo city: already there."
        )
        for kind, count in added_elsewhere.items():
            if count:
                self.stdout.write(f"Demo city: {count} {kind} added.")
