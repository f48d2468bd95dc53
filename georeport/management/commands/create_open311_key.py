"""The command `manage.py create_open311_key NAME`: create an api_key for a program."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from georeport.keys import create_key


class Command(BaseCommand):
    """The command line of `keys.create_key`."""

    help = "Create an api_key of Open311 for a program and print it; it cannot be printed again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--organisation", default="")
        parser.add_argument("--test", action="store_true", help="For the test endpoint alone.")
        parser.add_argument(
            "--held", action="store_true", help="What it sends waits for moderation first."
        )
        parser.add_argument(
            "--requests-per-hour", type=int, default=1_000, help="How much it may send in an hour."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            _, key = create_key(
                name=options["name"].strip(),
                organisation=options["organisation"].strip(),
                is_test=options["test"],
                is_vouched_for=not options["held"],
                requests_per_hour=options["requests_per_hour"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(key)
