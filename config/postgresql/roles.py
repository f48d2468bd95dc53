"""The three roles of an installation's database, and the rights of the application.

| role | who is it | may |
| --- | --- | --- |
| administrator | PostgreSQL's superuser; creates the other two, and is used for nothing else | all
|
| owner | `manage.py migrate` | own and change the tables |
| application | web, workers and every other command | read and write rows; index what matching
searches |

The application can neither change nor remove audit events, nor lift the triggers that stamp and
guard them. PostgreSQL lets only a table's owner index it, so the tables of matching that are
indexed anew at work belong to the application; an event trigger refuses it all other changes of the
schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import sql

#: Tables to which rows are added but in which none is changed.
APPEND_ONLY = ("accounts_auditevent", "accounts_auditseal")
#: The list of applied migrations, which only the owner changes.
READ_ONLY = ("django_migrations",)
#: Tables that `create_vector_indices` and the nightly rebuild index.
INDEXED_AT_WORK = (
    "matching_opportunity",
    "matching_opportunityvector",
    "matching_profile",
    "matching_profilevector",
)

_NO_SUPERPOWERS = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")
_TAKE_OVER = """
DO $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT format('ALTER %s %s OWNER TO {owner}',
                      CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
                      c.oid::regclass) AS statement
        FROM pg_class AS c
        WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'optuna'))
          AND c.relkind IN ('r', 'p', 'v', 'S')
          AND c.relowner <> {owner_name}::regrole AND c.relowner <> {application_name}::regrole
          AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype IN ('e',
              'a', 'i'))
        UNION ALL
        SELECT format('ALTER TYPE %s OWNER TO {owner}', t.oid::regtype)
        FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
        WHERE n.nspname = 'optuna' AND t.typtype = 'e' AND t.typowner <> {owner_name}::regrole
        UNION ALL
        SELECT 'ALTER SCHEMA optuna OWNER TO {owner}' FROM pg_namespace
        WHERE nspname = 'optuna' AND nspowner <> {owner_name}::regrole
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO {owner}', p.oid::regprocedure)
        FROM pg_proc AS p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> {owner_name}::regrole
          AND p.proname <> 'civiclens_refuse_change_of_schema'
          AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE one.statement;
    END LOOP;
END
$$
"""
_GUARD = """
CREATE OR REPLACE FUNCTION public.civiclens_refuse_change_of_schema() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user = {application_name}
       AND tg_tag NOT IN ('CREATE INDEX', 'ALTER INDEX', 'DROP INDEX', 'REINDEX') THEN
        RAISE EXCEPTION '% changes no schema: % is the owner''s', session_user, tg_tag
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
DROP EVENT TRIGGER IF EXISTS civiclens_application_changes_no_schema;
CREATE EVENT TRIGGER civiclens_application_changes_no_schema ON ddl_command_start
    EXECUTE FUNCTION public.civiclens_refuse_change_of_schema()
"""


@dataclass(frozen=True, slots=True)
class Login:
    """A role that can sign in, and its password; an empty one means none."""

    name: str
    password: str = ""


def create(cursor: Any, *, database: str, owner: Login, application: Login) -> None:
    """Create the roles that are missing, set the passwords, and give the owner the database."""
    for login in (owner, application):
        create_role(cursor, login)
    names = _names(owner=owner.name, application=application.name) | {
        "database": sql.Identifier(database)
    }
    for statement in (
        # so that migrations reach the tables that are the application's
        "GRANT {application} TO {owner}",
        "ALTER DATABASE {database} OWNER TO {owner}",
        "ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "CREATE EXTENSION IF NOT EXISTS vector",
        _TAKE_OVER,
    ):
        cursor.execute(sql.SQL(statement).format(**names))
    guard(cursor, application=application.name)


def create_role(cursor: Any, login: Login) -> None:
    """Create a role without special rights, unless it exists, and set its password."""
    role, password = sql.Identifier(login.name), sql.Literal(login.password or None)
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (login.name,))
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE ROLE {role}").format(role=role))
    statement = sql.SQL("ALTER ROLE {role} {rights} PASSWORD {password}")
    cursor.execute(statement.format(role=role, rights=_NO_SUPERPOWERS, password=password))


def guard(cursor: Any, *, application: str) -> None:
    """Create the event trigger that refuses the application every DDL but that of indexes.

    It goes by who signed in, so `SET ROLE` does not evade it. `cursor` is the administrator's.
    Repeated, it replaces the trigger.
    """
    cursor.execute(sql.SQL(_GUARD).format(**_names(application=application)))


def grant(cursor: Any, *, application: str) -> None:
    """Let the application read and write the rows of all tables, and own those that it indexes.

    In tables of APPEND_ONLY it can add rows but change none, those of READ_ONLY it can only read,
    and it becomes the owner of those in INDEXED_AT_WORK. `cursor` is the owner's, after migrating
    and in a transaction, so that no session sees a right that is about to be revoked.
    """
    names = _names(application=application)
    statements = [
        "GRANT USAGE, CREATE ON SCHEMA public TO {application}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {application}",
        "GRANT SELECT, USAGE ON ALL SEQUENCES IN SCHEMA public TO {application}",
        # of the studies of strategy discovery
        "GRANT USAGE ON SCHEMA optuna TO {application}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA optuna TO {application}",
        "GRANT SELECT, USAGE ON ALL SEQUENCES IN SCHEMA optuna TO {application}",
        *(f"REVOKE UPDATE, DELETE ON {table} FROM {{application}}" for table in APPEND_ONLY),
        *(f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {{application}}" for table in READ_ONLY),
        *(f"ALTER TABLE {table} OWNER TO {{application}}" for table in INDEXED_AT_WORK),
    ]
    for statement in statements:
        cursor.execute(sql.SQL(statement).format(**names))


def _names(**roles: str) -> dict[str, sql.Composable]:
    """Return each role as an SQL identifier, and as a string under its key with `_name` added."""
    identifiers: dict[str, sql.Composable] = {
        role: sql.Identifier(name) for role, name in roles.items()
    }
    return identifiers | {f"{role}_name": sql.Literal(name) for role, name in roles.items()}
