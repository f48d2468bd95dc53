"""What a benchmark does through Django, in a process of its own: `python -m benchmarks.child ACTION ARGUMENTS`.

The answer is the last line on standard output, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

import pika  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import sessions  # noqa: E402
from accounts.models import User  # noqa: E402
from accounts.origins import Origin  # noqa: E402
from benchmarks.actors import bench_effect  # noqa: E402
from benchmarks.effects import CREATE  # noqa: E402
from benchmarks.stock import QUEUE, stock_effect  # noqa: E402
from jobs import relay, topology  # noqa: E402
from jobs.publisher import publisher  # noqa: E402
from reports import demo  # noqa: E402

SENDER_THREADS = 4
BULK_ROWS = 1000
IDLE_WARM_UP = 20


def migrate() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(CREATE)


def purge() -> None:
    """RabbitMQ holds no message of the benchmark's queues."""
    names = [topology.physical_name("default"), topology.physical_name("notifications"), QUEUE]
    with pika.BlockingConnection(pika.URLParameters(settings.RABBITMQ_URL)) as broker:
        for name in names:
            channel = broker.channel()
            try:
                channel.queue_purge(name)
            except pika.exceptions.ChannelClosedByBroker:
                continue  # not declared yet


def send(kind: str, count: int) -> dict[str, float]:
    """Send `count` tasks from several threads, each ledger task in a transaction of its own, as requests do."""
    send_one = SENDERS[kind]
    send_one(-1)  # connects; not counted
    shares = [range(thread, count, SENDER_THREADS) for thread in range(SENDER_THREADS)]
    with ThreadPoolExecutor(SENDER_THREADS) as threads:
        began_at = time.time()
        list(threads.map(lambda share: [send_one(number) for number in share], shares))
    return {"began_at": began_at, "seconds": time.time() - began_at}


def preload(kind: str, count: int) -> dict[str, float]:
    """Let `count` tasks wait; for the ledger, in bulk."""
    began = time.perf_counter()
    if kind == "stock":
        for number in range(count):
            stock_effect.send(number)
    else:
        for start in range(0, count, BULK_ROWS):
            with transaction.atomic():
                bench_effect.send_many([(number,) for number in range(start, min(start + BULK_ROWS, count))])
    return {"seconds": time.perf_counter() - began}


def publish() -> dict[str, float]:
    """Relay all that is due to RabbitMQ, whose depth is unbounded by the environment."""
    relay_publisher = publisher()
    while not relay_publisher.is_connected:
        time.sleep(0.01)
    count, began = 0, time.perf_counter()
    while moved := relay.relay_due(relay_publisher):
        count += moved
    return {"count": count, "seconds": time.perf_counter() - began}


def idle(kind: str, count: int) -> dict[str, float]:
    """Send one task at a time to an idle worker; return when each committed (stock: was about to be sent)."""
    send_one, stamps = SENDERS[kind], {}
    for number in range(-IDLE_WARM_UP, count):
        time.sleep(0.02 + number % 7 * 0.003)
        stamps[number] = send_one(number)
    time.sleep(1)  # the publisher's thread ends with this process
    return {str(number): stamp for number, stamp in stamps.items() if number >= 0}


def citizens(count: int) -> list[str]:
    """The demo city is there, and `count` citizens with a verified email address; return their access tokens."""
    demo.load()
    now, tokens = timezone.now(), []
    for number in range(count):
        user = User.objects.create(
            phone=f"+1203555{9000 + number}", email=f"citizen{number}@example.org", email_verified_at=now
        )
        with transaction.atomic():
            tokens.append(sessions.begin(user, Origin("127.0.0.1"))[1].access)
    return tokens


def _send_to_ledger(number: int) -> float:
    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.time()))  # before the fast path's own hook
        bench_effect.send(number)
    return committed[0]


def _send_to_stock(number: int) -> float:
    now = time.time()
    stock_effect.send(number)
    return now


SENDERS: dict[str, Callable[[int], float]] = {"ledger": _send_to_ledger, "stock": _send_to_stock}
ACTIONS: dict[str, Callable[..., Any]] = {
    action.__name__: action for action in (migrate, purge, send, preload, publish, idle, citizens)
}

if __name__ == "__main__":
    arguments = [int(text) if text.isdecimal() else text for text in sys.argv[2:]]
    print(json.dumps(ACTIONS[sys.argv[1]](*arguments)), flush=True)
