"""Servers that go away: requests go on, and nothing that was committed is lost or done twice."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pika
import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.utils import timezone

from config.development.rabbitmq import RabbitmqNode
from jobs.execution import attempts
from jobs.execution.declaration import LedgerActor
from jobs.ledger.parcels import Parcel
from jobs.models import Queue, Task, UndecodableMessage
from jobs.states import State
from jobs.transport import fast_path, topology
from jobs.transport import publisher as publisher_module
from jobs.transport.brokers import RabbitmqLedgerBroker
from jobs.transport.publisher import Publisher, publisher
from tests.jobs.conftest import QUICK, Workers, consumers_of, wait_until, wait_until_drained
from tests.jobs.probe.actors import probe_external, probe_once, probe_transactional
from tests.jobs.probe.models import Call, Effect

pytestmark = pytest.mark.slow


@pytest.fixture
def workers_without_broker(
    process_environment: dict[str, str], transactional_db: None, tmp_path: Path
) -> Iterator[Workers]:
    """Workers that nobody has told yet where RabbitMQ is."""
    environment = process_environment | QUICK | {"JOBS_TRANSPORT": "rabbitmq"}
    environment["DJANGO_SETTINGS_MODULE"] = "tests.jobs.probe.settings"
    pool = Workers(environment, tmp_path)
    yield pool
    pool.stop_all()


@pytest.fixture
def own_workers(workers_without_broker: Workers, rabbitmq_node: RabbitmqNode) -> Workers:
    """Workers on a RabbitMQ node that the test may kill."""
    workers_without_broker.environment["RABBITMQ_URL"] = rabbitmq_node.url
    return workers_without_broker


def test_a_worker_works_whose_rabbitmq_was_never_there(
    workers_without_broker: Workers, late_rabbitmq_node: RabbitmqNode
) -> None:
    """It is the first test, so that the others need not wait for a broker once more."""
    workers_without_broker.environment["RABBITMQ_URL"] = late_rabbitmq_node.url
    workers_without_broker.start(threads=2)
    with transaction.atomic():
        probe_transactional.send("without")
        probe_once.send("without")
    wait_until(lambda: Effect.objects.exists() and Call.objects.exists(), "tasks without a broker")
    late_rabbitmq_node.start()
    late_rabbitmq_node.wait_ready()
    wait_until(lambda: consumers_of(late_rabbitmq_node) > 0, "the worker to consume")


def test_nothing_is_lost_when_rabbitmq_is_killed_and_wiped(
    own_workers: Workers, rabbitmq_node: RabbitmqNode
) -> None:
    own_workers.start(threads=2)
    with transaction.atomic():
        probe_transactional.send_many([(f"before {number}", 0.02) for number in range(150)])
    wait_until(lambda: Effect.objects.count() > 10, "some work")
    rabbitmq_node.kill()
    with transaction.atomic():
        probe_transactional.send_many([(f"meanwhile {number}",) for number in range(50)])
    rabbitmq_node.wipe()
    rabbitmq_node.start()
    rabbitmq_node.wait_ready()
    wait_until_drained()
    keys = list(Effect.objects.values_list("key", flat=True))
    assert sorted(keys) == sorted(
        [f"before {number}" for number in range(150)]
        + [f"meanwhile {number}" for number in range(50)]
    )


def send_and_wait(key: str) -> None:
    with transaction.atomic():
        probe_transactional.send(key)
    wait_until(lambda: Effect.objects.filter(key=key).exists(), f"the effect {key}", timeout=40)


def test_a_worker_whose_queue_was_deleted_consumes_it_anew(
    own_workers: Workers, rabbitmq_node: RabbitmqNode
) -> None:
    own_workers.start(threads=2)
    send_and_wait("before")
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_node.url)) as broker:
        broker.channel().queue_delete("civiclens.default.v1")
    wait_until(lambda: consumers_of(rabbitmq_node) == 1, "the worker to consume again")
    send_and_wait("after")


def test_a_worker_whose_receiving_thread_died_gets_another(
    own_workers: Workers, rabbitmq_node: RabbitmqNode, tmp_path: Path
) -> None:
    """Messages that are no tasks show who receives: tasks would run without a message, too."""
    log = tmp_path / "hits.jsonl"
    bodies = {b"first", b"kills its thread", b"third"}

    def received() -> set[bytes]:
        return {bytes(body) for body in UndecodableMessage.objects.values_list("body", flat=True)}

    own_workers.environment |= {
        "JOBS_FAILPOINTS": "receiver=raise@2",
        "JOBS_FAILPOINTS_LOG": str(log),
        # A dead thread leaves its connection open until RabbitMQ misses its heartbeats.
        "RABBITMQ_URL": f"{rabbitmq_node.url}?heartbeat=1",
    }
    own_workers.start(threads=2)
    wait_until(lambda: consumers_of(rabbitmq_node) == 1, "the worker to consume")
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_node.url)) as broker:
        for body in bodies:
            broker.channel().basic_publish("", "civiclens.default.v1", body)
    wait_until(lambda: received() == bodies, "every message to be received")
    assert "receiver" in log.read_text()


@pytest.fixture
def on_rabbitmq(
    settings: LazySettings, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Publisher]:
    """This process sends through RabbitMQ, as a web process does, and leaves what is confirmed to
    the test.
    """
    if fast_path._marker is not None:
        fast_path._marker.stop()
        fast_path._marker.join()
    monkeypatch.setattr(fast_path, "_keep_marking", lambda: None)
    settings.JOBS_TRANSPORT = "rabbitmq"
    settings.JOBS_FAST_PATH_GRACE_SECONDS = 60.0  # however busy the machine is
    settings.RABBITMQ_URL = rabbitmq_url
    settings.JOBS_QUEUE_PREFIX = f"test-{uuid4().hex[:8]}"
    publisher_module._forget()
    yield publisher()
    publisher().stop()
    publisher_module._forget()


def test_the_fast_path_publishes_a_fresh_task_and_the_relay_then_leaves_it(
    on_rabbitmq: Publisher, transactional_db: None
) -> None:
    with transaction.atomic():
        message = probe_transactional.send("fresh")
    path = fast_path.fast_path()
    path.offer([Parcel(id=Task.objects.get().id, actor="probe_transactional", queue="default")])
    wait_until(lambda: len(path.confirmed) == 1, "the confirm")
    fast_path.mark_published({path.confirmed[0][1]})
    task = Task.objects.get(pk=message.message_id)
    assert task.publish_at is None
    assert task.published_at is not None
    assert on_rabbitmq.depth("default") == 1


def test_the_publisher_confirms_a_batch_and_declares_a_queue_that_vanished(
    on_rabbitmq: Publisher,
) -> None:
    wait_until(lambda: on_rabbitmq.is_connected, "the connection")
    parcels = [Parcel(uuid4(), "probe_transactional", "default") for _ in range(50)]
    assert on_rabbitmq.publish(parcels) == set(), "there is no queue yet: a confirm would be a lie"
    assert on_rabbitmq.depth("default") == 0
    assert on_rabbitmq.publish(parcels) == {parcel.id for parcel in parcels}
    assert on_rabbitmq.depth("default") == 50


def test_the_fast_path_stands_back_behind_a_backlog(on_rabbitmq: Publisher) -> None:
    wait_until(lambda: on_rabbitmq.is_connected, "the connection")
    path = fast_path.fast_path()
    path.offer([Parcel(uuid4(), "probe_transactional", "default") for _ in range(500)])
    # A parcel that was put off counts again if the gate opens and it is published after all.
    wait_until(lambda: len(path.confirmed) + path.missed >= 500, "every parcel to be settled")
    depth = on_rabbitmq.depth("default")
    assert depth is not None
    assert 16 <= depth < 60


def test_the_fast_path_opens_again_and_hands_on_what_came_last(
    on_rabbitmq: Publisher, settings: LazySettings
) -> None:
    wait_until(lambda: on_rabbitmq.is_connected, "the connection")
    parcels = [Parcel(uuid4(), "probe_transactional", "default") for _ in range(100)]
    path = fast_path.fast_path()
    path.offer(parcels)
    wait_until(lambda: len(path.confirmed) + path.missed >= 100, "every parcel to be settled")
    before = len(path.confirmed)
    with pika.BlockingConnection(pika.URLParameters(settings.RABBITMQ_URL)) as broker:
        broker.channel().queue_purge(topology.physical_name("default"))
    wait_until(lambda: len(path.confirmed) > before, "the fast path to open")
    assert parcels[-1].id in {task_id for _, task_id in path.confirmed}


def test_a_task_that_was_handed_back_is_not_marked_as_on_its_way(
    on_rabbitmq: Publisher, transactional_db: None
) -> None:
    """Its message is acknowledged: nobody but the relay would ever hand it on again."""
    Queue.objects.create(name="default", paused_at=timezone.now())
    with transaction.atomic():
        message = probe_transactional.send("patient")
    task_id = UUID(message.message_id)
    assert attempts.run(probe_transactional, task_id, uuid4()) == (None, None)
    fast_path.mark_published({task_id})
    assert Task.objects.get(pk=task_id).publish_at is not None


def test_a_send_does_not_wait_for_a_rabbitmq_that_says_nothing(
    settings: LazySettings, transactional_db: None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.JOBS_TRANSPORT = "rabbitmq"
        settings.RABBITMQ_URL = f"amqp://guest:guest@127.0.0.1:{silent.getsockname()[1]}/"
        publisher_module._forget()
        broker = RabbitmqLedgerBroker(url=settings.RABBITMQ_URL, middleware=[])
        broker.declare_actor(probe_transactional)
        started_at = time.monotonic()
        with transaction.atomic():
            broker.enqueue(probe_transactional.message("patient"))
        assert time.monotonic() - started_at < 5, "it waited for the connection"
        assert Task.objects.get().state == State.QUEUED
    publisher_module._forget()


def test_a_rolled_back_send_leaves_nothing(on_rabbitmq: Publisher, transactional_db: None) -> None:
    wait_until(lambda: on_rabbitmq.is_connected, "the connection")

    class Refused(Exception):
        """The request fails after its send."""

    def request() -> None:
        with transaction.atomic():
            probe_transactional.send("regretted")
            raise Refused

    with pytest.raises(Refused):
        request()
    time.sleep(0.2)
    assert not Task.objects.exists()
    assert on_rabbitmq.depth("default") == 0


def test_many_senders_and_a_dead_publisher_thread(
    on_rabbitmq: Publisher, transactional_db: None
) -> None:
    wait_until(lambda: on_rabbitmq.is_connected, "the connection")
    on_rabbitmq.stop()
    assert not on_rabbitmq.is_alive
    assert publisher() is not on_rabbitmq
    replacement = fast_path.fast_path()
    threads = [
        threading.Thread(
            target=replacement.offer, args=([Parcel(uuid4(), "probe_transactional", "default")],)
        )
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(
        lambda: len(replacement.confirmed) + replacement.missed == 10, "every parcel to be settled"
    )
    assert replacement.missed == 0


@pytest.mark.parametrize(
    ("actor", "commit"), [(probe_external, "on"), (probe_once, "on"), (probe_transactional, "off")]
)
def test_the_claim_of_a_call_survives_a_crash_of_postgresql(
    actor: LedgerActor[..., object], commit: str, transactional_db: None
) -> None:
    """Else a second worker would claim the task and call again; transactional tasks need no such
    patience.
    """
    seen: list[str] = []

    def watch(execute: Callable[..., object], sql: str, parameters: Any, *rest: Any) -> object:
        if "synchronous_commit" in sql:
            seen.append(parameters["commit"])
        return execute(sql, parameters, *rest)

    with transaction.atomic():
        message = actor.send("call")
    with connection.execute_wrapper(watch):
        attempts.run(actor, UUID(message.message_id), uuid4())
    assert seen == [commit]


def test_a_postgresql_that_vanished_without_a_word_is_noticed_within_half_a_minute(
    settings: LazySettings,
) -> None:
    """A worker that waited for its answer for hours would hold a thread, and never acknowledge
    anything again.
    """
    options = settings.DATABASES["default"]["OPTIONS"]
    assert (
        options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"]
        <= 30
    )
    assert options["tcp_user_timeout"] <= 30_000
