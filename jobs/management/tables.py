"""For commands that compute something, and may be the first thing that is done with a database."""

from __future__ import annotations

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def make_tables() -> None:
    """Every table is there: in development they are made, elsewhere that is a decision.

    Raises CommandError.
    """
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if not settings.DEBUG:
        raise CommandError("The database lacks tables: run `manage.py migrate` first.")
    call_command("migrate", interactive=False, verbosity=0)
