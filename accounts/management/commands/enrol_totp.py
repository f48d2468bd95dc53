"""`manage.py enrol_totp`: create the authenticator with which a staff member signs in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import totp
from accounts.backends import find_staff


class Command(BaseCommand):
    help = (
        "Create an authenticator for a staff member, replacing an earlier one, and print its "
        "otpauth:// URL."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "name",
            metavar="PHONE_OR_EMAIL",
            help="the email address or phone number of a staff member",
        )

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = find_staff(name)
        if user is None:
            raise CommandError(f"No staff member has the email address or phone number {name}.")
        self.stdout.write(totp.enrol(user))
