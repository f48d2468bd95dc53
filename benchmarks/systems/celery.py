"""Celery over RabbitMQ, set to lose as little as it can: `celery --app benchmarks.systems.celery
worker`.

Sent on commit, publisher confirms, durable messages, acknowledged late. No result backend. Its
Django fixup is off, since that closes the database connection after every task.
"""

from __future__ import annotations

import os
import time

import django
from celery import Celery  # type: ignore[import-untyped]
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from benchmarks.effects import insert_effect  # noqa: E402

QUEUE = "bench_celery"

app = Celery("benchmarks", broker=os.environ["RABBITMQ_URL"], fixups=())
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
    task_acks_late=True,
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
)


celery_effect = app.task(name="celery_effect")(insert_effect)


def send(number: int) -> float:
    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.time()))
        transaction.on_commit(lambda: celery_effect.delay(number))
    return committed[0]


def send_all(numbers: range) -> None:
    """Send one message after the other: there is no bulk form."""
    for number in numbers:
        celery_effect.delay(number)
