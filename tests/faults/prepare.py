"""What a campaign does through Django before it starts: `python -m tests.faults.prepare CITIZENS`.

The database is migrated; the access tokens of so many new citizens, and of a member of staff, are
printed as JSON.
"""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from accounts import sessions  # noqa: E402
from accounts.models import User  # noqa: E402
from accounts.origins import Origin  # noqa: E402
from reports.models import Category, Department  # noqa: E402
from tests.faults.civic import CATEGORY  # noqa: E402
from tests.faults.effects import CREATE  # noqa: E402


def prepare(citizens: int) -> dict[str, object]:
    """Everything is ready for the load; return the tokens of citizens and staff."""
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
    department = Department.objects.create(slug="lamps", name="Lamps")
    Category.objects.create(slug=CATEGORY, name="Lamps", department=department)
    clerk = User.objects.create(phone="+12025558000", is_staff=True, is_superuser=True)
    users = [
        User.objects.create(phone=f"+12025557{number:03}", wants_sms=True)
        for number in range(citizens)
    ]
    return {"citizens": [_token(user) for user in users], "staff": _token(clerk)}


@transaction.atomic
def _token(user: User) -> str:
    return sessions.begin(user, Origin("127.0.0.1"))[1].access


if __name__ == "__main__":
    print(json.dumps(prepare(int(sys.argv[1]))), flush=True)
