"""The command `manage.py create_partner_key NAME`: create a partner organisation's API key."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from matching.partners.keys import create_key, partner_named


class Command(BaseCommand):
    """The command line of `partners.keys.create_key`."""

    help = (
        "Create an API key for a partner organisation and print it; it cannot be printed again. "
        "An organisation of a new name is added."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--label", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                key = create_key(
                    partner_named(options["name"].strip()), label=options["label"].strip()
                )
        except ValidationError as error:
            faults = (
                f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()
            )
            raise CommandError("; ".join(faults)) from error
        self.stdout.write(key)
