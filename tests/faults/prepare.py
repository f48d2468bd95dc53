"""What a campaign does through Django before it starts: `python -m tests.faults.prepare CITIZENS`.

The database is migrated; the access tokens of so many new citizens are printed as JSON.
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
from tests.faults.effects import CREATE  # noqa: E402


def prepare(citizens: int) -> list[str]:
    """Everything is ready for the load; return the citizens' tokens."""
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
    tokens = []
    for number in range(citizens):
        with transaction.atomic():
            user = User.objects.create(phone=f"+12025557{number:03}", wants_sms=True)
            tokens.append(sessions.begin(user, Origin("127.0.0.1"))[1].access)
    return tokens


if __name__ == "__main__":
    print(json.dumps(prepare(int(sys.argv[1]))), flush=True)
