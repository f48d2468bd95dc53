"""Preparation of the development database: `python -m config.development.prepare FILE`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor


def main() -> None:
    """Apply all migrations, load the demo city, and write its logins and api_key to FILE (JSON)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        print("Migrating the database …", flush=True)
        call_command("migrate", interactive=False, verbosity=1)
    print("Loading the demo city …", flush=True)
    call_command("load_demo")
    from georeport import keys  # noqa: PLC0415 - models need the setup above
    from reports.demo import people  # noqa: PLC0415

    demo = {"logins": people.LOGINS, "password": people.ADMIN_PASSWORD}
    Path(sys.argv[1]).write_text(json.dumps(demo | {"api_key": keys.demo_key()}))


if __name__ == "__main__":
    try:
        main()
    except (OperationalError, ImproperlyConfigured) as error:
        sys.exit(f"The database cannot be used: {error}")
