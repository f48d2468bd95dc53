"""What tasks leave behind, so that a lost or doubled one shows: a row an effect, a line a call of
the provider.
"""

from __future__ import annotations

import json
import os
from urllib.request import Request, urlopen

from django.db import connection

import jobs
from tests.faults.provider import PROBE

CREATE = "CREATE TABLE IF NOT EXISTS fault_effect (task_id uuid NOT NULL, key text NOT NULL)"


def leave_effect(key: str) -> None:
    """Insert one more row for this task, in the current transaction; nothing forbids a second."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fault_effect (task_id, key) VALUES (%s, %s)", (jobs.current_task().id, key)
        )


def call_provider(key: str) -> None:
    """Hand a message to the provider, as the product's own channel does.

    Raises OSError when it answers an error.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(jobs.current_task().id)}
    body = json.dumps({"to": PROBE, "body": key}).encode()
    request = Request(os.environ["SMS_PROVIDER_URL"], data=body, headers=headers, method="POST")
    with urlopen(request, timeout=float(os.environ["SMS_PROVIDER_TIMEOUT_SECONDS"])) as answer:
        answer.read()
