"""`manage.py reseal_keys`: encrypt long-lived secrets anew with the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import person_keys, totp
from jobs.errors import SealBroken


class Command(BaseCommand):
    help = (
        "Encrypt the seeds of authenticators and the keys of persons anew with the first of "
        "JOBS_SEAL_KEYS; afterwards the older keys can be retired."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                seeds, persons = totp.reseal(), person_keys.reseal()
        except SealBroken as error:
            raise CommandError(f"Nothing was changed: {error} List the old key too.") from error
        self.stdout.write(f"Sealed {seeds} seeds of authenticators and {persons} keys of persons.")
