"""`manage.py load_demo`: load the demo city, for development."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

import jobs
from matching.demo import load_opportunities
from reports import demo


class Command(BaseCommand):
    help = (
        "Load the demo city: departments, categories, staff, citizens and reports. "
        "Loading it twice adds nothing."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The demo city has an administrator with a known password: only with DEBUG=on."
            )
        with jobs.entering(jobs.Urgency.BULK, sender="import:demo"):
            added = demo.load()
            opportunities = load_opportunities()
        self.stdout.write(
            f"Demo city: {added} reports added." if added else "Demo city: already there."
        )
        if opportunities:
            self.stdout.write(f"Demo city: {opportunities} opportunities added.")
