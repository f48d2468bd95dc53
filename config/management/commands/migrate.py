"""`manage.py migrate`, which also grants the application its rights in new tables."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections, transaction

from config.postgresql import roles


class Command(migrate.Command):
    help = f"{migrate.Command.help} Then grant DATABASE_APPLICATION_ROLE, if set, its rights."

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        alias, application = options["database"], settings.DATABASE_APPLICATION_ROLE
        if not application or options["app_label"] or options["plan"] or options["check_unapplied"]:
            return
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            roles.grant(cursor, application=application)
        if options["verbosity"] >= 1:
            self.stdout.write(f"{application} may use the tables.")
