"""`manage.py create_roles`: create the roles of owner and application, as administrator."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from config.postgresql import roles


class Command(BaseCommand):
    help = (
        "Create the roles whose database URLs are in two files, or set their passwords anew, and "
        "give the database "
        "to the owner. DATABASE_URL must be a superuser's. See docs/deploy.md."
    )
    requires_system_checks: list[str] = []  # they concern web and workers

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "owner_file", type=Path, help="holds the URL that `manage.py migrate` uses"
        )
        parser.add_argument(
            "application_file", type=Path, help="holds the URL that web and workers use"
        )

    def handle(self, *args: Any, owner_file: Path, application_file: Path, **options: Any) -> None:
        owner, application = login_of(owner_file), login_of(application_file)
        if owner.name == application.name:
            raise CommandError("The owner and the application must be two roles.")
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                self._refuse_own_role(cursor, owner, application)
                roles.create(
                    cursor,
                    database=connection.settings_dict["NAME"],
                    owner=owner,
                    application=application,
                )
        except ProgrammingError as error:
            raise CommandError(f"DATABASE_URL must be a superuser's: {error}") from error
        self.stdout.write(f"{owner.name} owns the database; {application.name} works in it.")

    @staticmethod
    def _refuse_own_role(cursor: Any, *logins: roles.Login) -> None:
        cursor.execute("SELECT current_user")
        [(administrator,)] = cursor.fetchall()
        if administrator in {login.name for login in logins}:
            raise CommandError(
                f"{administrator} is the administrator; the owner and the application are others."
            )


def login_of(file: Path) -> roles.Login:
    """Return the role and the password of the database URL in `file`.

    Raises:
        CommandError: there is no such file, or it names no role.
    """
    try:
        url = urlsplit(file.read_text().strip())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    if not url.username:
        raise CommandError(
            f"{file} must hold a URL such as postgres://ROLE:PASSWORD@HOST:5432/DATABASE."
        )
    return roles.Login(unquote(url.username), unquote(url.password or ""))
