"""Squashed migrations: a new installation gets what older ones got step by step."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db.migrations import Migration, RunSQL
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader

MADE = re.compile(r"CREATE (?:OR REPLACE )?(FUNCTION|TRIGGER|SEQUENCE) (\w+)")


def test_squashed_migrations_make_the_models_of_those_they_replace() -> None:
    squashed, replaced = MigrationLoader(None), MigrationLoader(None, replace_migrations=False)
    leaves = replaced.graph.leaf_nodes()
    ends = [leaf for leaf in leaves if not replaced.disk_migrations[leaf].replaces]
    states = squashed.project_state(), replaced.project_state(ends)
    for before, after in (states, reversed(states)):
        assert MigrationAutodetector(before, after).changes(squashed.graph) == {}


def test_squashed_migrations_make_every_function_and_trigger_of_those_they_replace() -> None:
    migrations = MigrationLoader(None).disk_migrations
    squashed = [migration for migration in migrations.values() if migration.replaces]
    assert squashed
    for migration in squashed:
        replaced = [migrations[key] for key in migration.replaces]
        assert made_by_sql([migration]) == made_by_sql(replaced), migration


def made_by_sql(migrations: Iterable[Migration]) -> set[tuple[str, str]]:
    """Return the kind and name of each function, trigger and sequence that SQL creates."""
    operations = [one for migration in migrations for one in migration.operations]
    statements = [str(one.sql) for one in operations if isinstance(one, RunSQL)]
    return {made for statement in statements for made in MADE.findall(statement)}
