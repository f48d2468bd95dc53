"""What a benchmark does through Django, in a process of its own: `python -m benchmarks.child ACTION
ARGUMENTS`.

The answer is the last line on standard output, as JSON.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from itertools import chain, cycle, islice
from types import ModuleType
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

import pika  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import sessions  # noqa: E402
from accounts.models import User  # noqa: E402
from accounts.origins import Origin  # noqa: E402
from benchmarks.effects import CREATE  # noqa: E402
from embeddings.embedder import get_embedder  # noqa: E402
from jobs.operations import rollup  # noqa: E402
from jobs.transport import relay, topology  # noqa: E402
from jobs.transport.publisher import publisher  # noqa: E402
from matching.partners import keys  # noqa: E402
from reports.demo import city, past  # noqa: E402
from reports.demo.texts import REPORTS  # noqa: E402
from reports.figures import refreshing  # noqa: E402
from reports.models import Department, DepartmentMembership, Source, SourceKind  # noqa: E402

SENDER_THREADS = 8
PEERS_QUEUES = ("bench_stock", "bench_celery")
IDLE_WARM_UP = 20
PAGES = {"admin_list": "admin:jobs_task_changelist", "dashboard": "admin:jobs_dashboard_changelist"}


def migrate() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(CREATE)


def _purge() -> None:
    """RabbitMQ holds no message of the benchmark's queues."""
    names = [
        topology.physical_name("default"),
        topology.physical_name("notifications"),
        *PEERS_QUEUES,
    ]
    with pika.BlockingConnection(pika.URLParameters(settings.RABBITMQ_URL)) as broker:
        for name in names:
            channel = broker.channel()
            try:
                channel.queue_purge(name)
            except pika.exceptions.ChannelClosedByBroker:
                continue  # not declared yet


def send(system: str, count: int) -> dict[str, float]:
    """Send `count` tasks from several threads, each in a transaction of its own, as requests do."""
    _sender(system)(-1)  # connects; not counted
    began_at = time.time()
    _from_threads(system, count, due=lambda _number: 0.0)
    return {"began_at": began_at, "seconds": time.time() - began_at}


def steady(system: str, count: int, rate: int) -> dict[str, float]:
    """Send `rate` tasks a second at fixed times, as citizens come; return when each committed."""
    start = time.time() + 0.1
    stamps = _from_threads(system, count, due=lambda number: start + number / rate)
    time.sleep(1)  # the publisher's thread ends with this process
    return {str(number): stamp for number, stamp in stamps.items()}


def preload(system: str, count: int) -> dict[str, float]:
    """Let `count` tasks and nothing else wait, sent as cheaply as the system can."""
    _purge()
    send_all: Callable[[range], None] = _system(system).send_all
    began = time.perf_counter()
    send_all(range(count))
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


def idle(system: str, count: int) -> dict[str, float]:
    """Send one task at a time to an idle worker; return when each committed."""
    send_one, stamps = _sender(system), {}
    for number in range(-IDLE_WARM_UP, count):
        time.sleep(0.02 + number % 7 * 0.003)
        stamps[number] = send_one(number)
    time.sleep(1)  # the publisher's thread ends with this process
    return {str(number): stamp for number, stamp in stamps.items() if number >= 0}


def citizens(count: int) -> list[str]:
    """Load the demo city and make `count` citizens with a verified email address.

    Return their access tokens.
    """
    past.load(city.load())
    now, tokens = timezone.now(), []
    for number in range(count):
        verified = {"email": f"citizen{number}@example.org", "email_verified_at": now}
        user, _ = User.objects.get_or_create(phone=f"+1203555{9000 + number}", defaults=verified)
        with transaction.atomic():
            tokens.append(sessions.begin(user, Origin("127.0.0.1"))[1].access)
    return tokens


def drop_source(name: str) -> str:
    """Make a source that reads the drop folder of that name; return its id."""
    source, _ = Source.objects.get_or_create(kind=SourceKind.FOLDER, address=name, name=name)
    return str(source.pk)


def identities(count: int) -> dict[str, list[str]]:
    """Return `count` values of the Authorization header of citizens, of staff and of partners.

    The demo city with its figures, a citizen's report and an opportunity are there.
    """
    tokens = citizens(2 * count)
    refreshing.refresh()
    staff = User.objects.order_by("phone").exclude(is_superuser=True)[count : 2 * count]
    User.objects.filter(pk__in=[user.pk for user in staff]).update(is_staff=True)
    department = Department.objects.order_by("pk")[0]
    fresh = []
    for user in staff:
        DepartmentMembership.objects.get_or_create(user=user, department=department)
        with transaction.atomic():
            fresh.append(f"Bearer {sessions.begin(user, Origin('127.0.0.1'))[1].access}")
    partner = keys.partner_named("Bench partner")
    return {
        "citizen": [f"Bearer {token}" for token in tokens[:count]],
        "staff": fresh,
        "partner": [f"Api-Key {keys.create_key(partner)}" for _ in range(count)],
    }


def operate(repeats: int) -> dict[str, list[float]]:
    """Time what operators look at, each `repeats` times, in milliseconds.

    These are the pages of the admin, and the rollup of a minute.
    """
    operator = User.objects.create_superuser(f"+1203555{secrets.randbelow(9000):04}")
    client = Client()
    client.force_login(operator, backend="accounts.backends.StaffBackend")
    pages = {name: partial(_open, client, reverse(view)) for name, view in PAGES.items()}
    steps: dict[str, Callable[[], object]] = {**pages, "rollup_step": rollup.fold}
    return {name: [_milliseconds(step) for _ in range(repeats)] for name, step in steps.items()}


def _open(client: Client, path: str) -> None:
    answer = client.get(path, HTTP_HOST="127.0.0.1")
    if answer.status_code != 200:
        raise ValueError(f"{path} answered {answer.status_code}")


def _milliseconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return (time.perf_counter() - began) * 1000


def commit_milliseconds(count: int) -> list[float]:
    """Return how long each of `count` committed INSERTs takes, one after the other."""
    send_one = _sender("raw")
    send_one(-1)  # connects; not counted
    return [_milliseconds(partial(send_one, number)) for number in range(count)]


def embed_milliseconds(count: int) -> list[float]:
    """Processor time of the embedder for each of `count` reports of the demo city, one at a
    time.
    """
    embedder = get_embedder()
    texts = [f"{title}. {description}" for _, title, description in islice(cycle(REPORTS), count)]
    times = []
    for text in [texts[0], *texts]:
        began = time.process_time()
        embedder.embed([text])
        times.append((time.process_time() - began) * 1000)
    return times[1:]  # the first call warms up


def _from_threads(system: str, count: int, *, due: Callable[[int], float]) -> dict[int, float]:
    """Send every number at its time, or as soon as a thread is free; return when each committed."""
    send_one = _sender(system)

    def send_share(thread: int) -> list[tuple[int, float]]:
        stamps = []
        for number in range(thread, count, SENDER_THREADS):
            time.sleep(max(0.0, due(number) - time.time()))
            stamps.append((number, send_one(number)))
        return stamps

    with ThreadPoolExecutor(SENDER_THREADS) as threads:
        return dict(chain.from_iterable(threads.map(send_share, range(SENDER_THREADS))))


def _sender(system: str) -> Callable[[int], float]:
    send_one: Callable[[int], float] = _system(system).send
    return send_one


def _system(name: str) -> ModuleType:
    return import_module(f"benchmarks.systems.{name}")


ACTIONS: dict[str, Callable[..., Any]] = {
    action.__name__: action
    for action in (
        migrate,
        send,
        steady,
        preload,
        publish,
        idle,
        citizens,
        drop_source,
        identities,
        operate,
        commit_milliseconds,
        embed_milliseconds,
    )
}

if __name__ == "__main__":
    arguments = [int(text) if text.isdecimal() else text for text in sys.argv[2:]]
    print(json.dumps(ACTIONS[sys.argv[1]](*arguments)), flush=True)
