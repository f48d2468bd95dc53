"""Procrastinate on the same PostgreSQL, through its own Django app: `manage.py procrastinate
worker`.

Like the ledger's, its job is a row of the sender's transaction. Its worker is told of new jobs by
NOTIFY.
"""

from __future__ import annotations

import time

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.types import JSONDict

from benchmarks.effects import insert_effect

BULK_ROWS = 1000


@app.task(queue="bench")
def procrastinate_effect(number: int) -> None:
    insert_effect(number)


def send(number: int) -> float:
    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.time()))
        procrastinate_effect.defer(number=number)
    return committed[0]


def send_all(numbers: range) -> None:
    for start in range(0, len(numbers), BULK_ROWS):
        batch: list[JSONDict] = [
            {"number": number} for number in numbers[start : start + BULK_ROWS]
        ]
        with transaction.atomic():
            procrastinate_effect.batch_defer(*batch)
