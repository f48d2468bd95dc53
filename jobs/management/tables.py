"""Make sure that the database has its tables, for commands that may be the first to use it."""

from __future__ import annotations

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def make_tables() -> None:
    """Create missing tables in development; elsewhere refuse to go on without them.

    Raises:
        CommandError: tables are missing and DEBUG is off.
    """
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if not settings.DEBUG:
        raise CommandError("The database lacks tables: run `manage.py migrate` first.")
    call_command("migrate", interactive=False, verbosity=0)
