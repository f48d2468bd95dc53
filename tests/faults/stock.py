"""Dramatiq as it comes, with the same effect: `dramatiq tests.faults.stock:broker`. It fails the
test.
"""

from __future__ import annotations

import os
import threading
import time

import psycopg
from dramatiq import actor
from dramatiq.brokers.rabbitmq import RabbitmqBroker

QUEUE = "faults_stock"
broker = RabbitmqBroker(url=os.environ["RABBITMQ_URL"])
_local = threading.local()


@actor(broker=broker, queue_name=QUEUE, min_backoff=200, max_backoff=1000)
def stock_effect(number: int) -> None:
    """Leave an effect, and take as long as a task that also does something else."""
    if getattr(_local, "connection", None) is None:
        _local.connection = psycopg.connect(os.environ["STOCK_CONNINFO"], autocommit=True)
    _local.connection.execute("INSERT INTO stock_effect (number) VALUES (%s)", (number,))
    time.sleep(0.03)
