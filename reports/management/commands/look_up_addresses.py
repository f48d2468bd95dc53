"""`manage.py look_up_addresses [--last N]`: find the addresses of reports that have none."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.geography import addresses

LAST_MAXIMUM = 100_000


class Command(BaseCommand):
    """Send the tasks with `addresses.look_up_missing`."""

    help = (
        "Have the geocoder find the addresses of the newest open reports that have none. Workers "
        "ask in the background, as fast as GEOCODER_REQUESTS_PER_SECOND allows, and reports of "
        "people go first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--last",
            type=int,
            default=1_000,
            metavar="N",
            help=f"The number of reports, {LAST_MAXIMUM} at most.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.GEOCODER:
            raise CommandError("GEOCODER names no geocoder.")
        if not 1 <= options["last"] <= LAST_MAXIMUM:
            raise CommandError(f"--last takes 1 to {LAST_MAXIMUM}.")
        count = addresses.look_up_missing(last=options["last"])
        self.stdout.write(f"{count} reports wait for their address.")
