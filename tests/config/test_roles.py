"""The roles of production: what the application may do in the database, and what it may not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from psycopg.errors import InsufficientPrivilege

from tests import databases

EVENT = "INSERT INTO accounts_auditevent (event, subject, data, request_id, created_at)"


@dataclass(frozen=True)
class Installation:
    """One database with its three roles, by their URLs."""

    administrator: str
    owner: str
    application: str

    blocker: Any

    def manage(self, role: str, *arguments: str, application: str = "") -> str:
        """Return what a command of `manage.py` prints that works as a role."""
        output = StringIO()
        with (
            self.blocker.unblock(),
            databases.connected_to(role),
            override_settings(DATABASE_APPLICATION_ROLE=application),
        ):
            call_command(*arguments, stdout=output, stderr=output)
        return output.getvalue()


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


@pytest.fixture(scope="module")
def installation(
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """Migrated by the administrator, then given its roles."""
    server = os.environ.get("TESTS_TEMPLATE_SERVER") or os.environ["DATABASE_URL"]
    with django_db_blocker.unblock():
        template = databases.ensure_template(server)
    with installed(django_db_blocker, template) as made:
        begin(made, tmp_path_factory.mktemp("roles"))
        yield made


@contextmanager
def installed(blocker: Any, template: str) -> Iterator[Installation]:
    """Run a block with a copy of the template, then drop it and its roles."""
    name = f"roles_{uuid4().hex[:8]}"
    server = urlsplit(os.environ["DATABASE_URL"])
    host = server.netloc.rpartition("@")[2]
    urls = [
        server._replace(netloc=f"{login}@{host}", path=f"/{name}").geturl()
        for login in (server.netloc.rpartition("@")[0], f"{name}_owner", f"{name}_application")
    ]
    with connect(os.environ["DATABASE_URL"]) as administrator:
        administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield Installation(urls[0], urls[1], urls[2], blocker)
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
            administrator.execute(f"DROP ROLE IF EXISTS {name}_application, {name}_owner")


def begin(installation: Installation, folder: Path) -> None:
    """Give the database its roles and let the owner migrate it, as an operator does."""
    for file, url in (("owner", installation.owner), ("application", installation.application)):
        (folder / file).write_text(url)
    create_roles = ("create_roles", str(folder / "owner"), str(folder / "application"))
    installation.manage(installation.administrator, *create_roles)
    role = urlsplit(installation.application).username or ""
    installation.manage(installation.owner, "migrate", application=role)
    installation.manage(installation.administrator, *create_roles)


@pytest.fixture
def application(installation: Installation) -> Iterator[psycopg.Connection]:
    with connect(installation.application) as session:
        yield session


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET event = 'other'",
        "DELETE FROM accounts_auditevent",
        "TRUNCATE accounts_auditevent",
        "UPDATE accounts_auditseal SET hash = ''",
        "DELETE FROM accounts_auditseal",
        "ALTER TABLE accounts_auditevent DISABLE TRIGGER ALL",
        "DROP TRIGGER accounts_auditevent_stamped ON accounts_auditevent",
        (
            "CREATE TRIGGER x BEFORE INSERT ON accounts_auditevent EXECUTE FUNCTION "
            "accounts_refuse_change()"
        ),
        (
            "CREATE TRIGGER x BEFORE UPDATE ON matching_profile EXECUTE FUNCTION "
            "accounts_refuse_change()"
        ),
        "ALTER TABLE matching_profile ADD COLUMN mine int",
        (
            "CREATE OR REPLACE FUNCTION accounts_stamp_event() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN END'"
        ),
        "CREATE FUNCTION sha256(text) RETURNS bytea LANGUAGE sql AS 'SELECT NULL::bytea'",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE accounts_auditevent (id int)",
        "DROP TABLE matching_profilevector",
        "SET session_replication_role = replica",
        "SELECT setval('accounts_auditevent_id_seq', 1)",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "DELETE FROM django_migrations",
    ],
)
def test_the_application_can_neither_alter_the_audit_log_nor_the_schema(
    application: psycopg.Connection, statement: str
) -> None:
    application.execute(f"{EVENT} VALUES ('e', 's', '{{}}', '', now())")
    with pytest.raises(InsufficientPrivilege):
        application.execute(statement)


def test_an_event_that_the_application_dates_back_bears_the_true_time(
    application: psycopg.Connection,
) -> None:
    row = application.execute(
        f"{EVENT} VALUES ('e', 's', '{{}}', '', now() - interval '30 days')"
        " RETURNING created_at > now() - interval '1 minute'"
    ).fetchone()
    assert row == (True,)


def test_the_application_builds_vector_indexes_seals_and_verifies(
    installation: Installation,
) -> None:
    with connect(installation.application) as session:
        session.execute(
            "INSERT INTO matching_vectorspace (label, dimensions, state, generation, created_at)"
            " VALUES ('m@1', 8, 'active', 1, now())"
        )
        session.execute("DROP INDEX matching_opp_active_place")
    assert "rows in" in installation.manage(installation.application, "create_vector_indices")
    assert "chain holds" in installation.manage(installation.application, "audit_verify")


def test_the_owner_has_all_that_migrations_change(installation: Installation) -> None:
    """Also the tables of the application, in whose role the owner may act."""
    with connect(installation.owner) as session:
        rows = session.execute(
            "SELECT oid::regclass::text FROM pg_class"
            " WHERE relnamespace IN ('public'::regnamespace, 'optuna'::regnamespace)"
            " AND relkind IN ('r', 'p', 'v', 'S', 'i') AND NOT pg_has_role(relowner, 'USAGE')"
            " UNION ALL SELECT oid::regprocedure::text FROM pg_proc AS p"
            " WHERE pronamespace = 'public'::regnamespace AND NOT pg_has_role(proowner, 'USAGE')"
            " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')"
        ).fetchall()
        session.execute("ALTER TABLE matching_profilevector ADD COLUMN one int")
        session.execute("ALTER TABLE matching_profilevector DROP COLUMN one")
    assert rows == [("civiclens_refuse_change_of_schema()",)]


@pytest.mark.campaign
def test_the_owner_migrates_what_an_earlier_version_began_and_every_table_back_and_forth(
    django_db_setup: None, django_db_blocker: Any, tmp_path: Path
) -> None:
    with installed(django_db_blocker, "template1") as earlier:
        earlier.manage(earlier.administrator, "migrate", "accounts", "0002")
        begin(earlier, tmp_path)
        role = urlsplit(earlier.application).username or ""
        for target in (["matching", "0009"], []):
            earlier.manage(earlier.owner, "migrate", *target, application=role)


def test_roles_are_made_by_a_superuser_alone_and_are_not_its_own(
    installation: Installation, tmp_path: Path
) -> None:
    owner, application = tmp_path / "owner", tmp_path / "application"
    owner.write_text(installation.owner)

    def create(role: str, *files: Path) -> None:
        installation.manage(role, "create_roles", *map(str, files))

    application.write_text(installation.application)
    with pytest.raises(CommandError, match="is the administrator"):
        create(installation.application, owner, application)
    application.write_text(installation.application.replace("_application@", "_other@"))
    with pytest.raises(CommandError, match="must be a superuser's"):
        create(installation.application, owner, application)
    with pytest.raises(CommandError, match="must be two roles"):
        create(installation.administrator, owner, owner)
    with pytest.raises(CommandError, match="cannot be read"):
        create(installation.administrator, owner, tmp_path / "none")


@pytest.mark.django_db
def test_tests_start_their_processes_as_the_application(
    process_environment: dict[str, str],
) -> None:
    if not settings.DATABASE_APPLICATION_ROLE:
        pytest.skip("DATABASE_URL is set: its server has one role for everything.")
    assert (
        urlsplit(process_environment["DATABASE_URL"]).username == settings.DATABASE_APPLICATION_ROLE
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%s, 'jobs_task', 'UPDATE')",
            (settings.DATABASE_APPLICATION_ROLE,),
        )
        assert cursor.fetchone() == (True,)
