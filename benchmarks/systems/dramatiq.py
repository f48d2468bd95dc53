"""Dramatiq as it comes: `dramatiq benchmarks.systems.dramatiq:broker`.

Its default middleware, publisher confirms, and Django's connection to the same database.
"""

from __future__ import annotations

import os
import time

import django
from dramatiq import actor
from dramatiq.brokers.rabbitmq import RabbitmqBroker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from benchmarks.effects import insert_effect  # noqa: E402

QUEUE = "bench_stock"

broker = RabbitmqBroker(url=os.environ["RABBITMQ_URL"], confirm_delivery=True)


@actor(broker=broker, queue_name=QUEUE)
def stock_effect(number: int) -> None:
    insert_effect(number)


def send(number: int) -> float:
    now = time.time()
    stock_effect.send(number)
    return now


def send_all(numbers: range) -> None:
    """Send one message after the other: there is no bulk form."""
    for number in numbers:
        stock_effect.send(number)
