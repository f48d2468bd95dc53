"""Workers take due tasks from the ledger whenever no message brings them, and leave them to
messages otherwise.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.utils import timezone

from config.development.rabbitmq import RabbitmqNode
from jobs.ledger.transitions import claim
from jobs.models import Queue, Task
from jobs.transport import relay
from jobs.transport.publisher import Publisher
from jobs.transport.relay import Patience
from tests.faults.system import FELL_VIRTUAL_HOST
from tests.jobs.conftest import QUICK, Workers, consumers_of, wait_until, wait_until_drained
from tests.jobs.probe.actors import probe_once, probe_transactional
from tests.jobs.probe.models import Call, Effect

pytestmark = pytest.mark.slow

AT_ONCE = Patience(timedelta(), timedelta())
PATIENT = Patience(timedelta(minutes=5), timedelta(minutes=5))


@pytest.fixture
def own_workers(
    rabbitmq_node: RabbitmqNode,
    process_environment: dict[str, str],
    transactional_db: None,
    tmp_path: Path,
) -> Iterator[Workers]:
    """Workers on a RabbitMQ node that the test may break, through which nobody else hands on
    tasks.
    """
    environment = (
        process_environment
        | QUICK
        | {"JOBS_TRANSPORT": "rabbitmq", "RABBITMQ_URL": rabbitmq_node.url}
    )
    environment["DJANGO_SETTINGS_MODULE"] = "tests.jobs.probe.settings"
    pool = Workers(environment, tmp_path)
    yield pool
    pool.stop_all()
    rabbitmq_node.send_signal(signal.SIGCONT)


def send_everything(key: str) -> None:
    with transaction.atomic():
        probe_transactional.send(key)
        probe_once.send(key)


def is_done(key: str) -> bool:
    return Effect.objects.filter(key=key).exists() and Call.objects.filter(key=key).exists()


def break_broker(node: RabbitmqNode, fault: str) -> None:
    if fault == "killed":
        node.kill()
    elif fault == "frozen":
        node.send_signal(signal.SIGSTOP)
    else:
        node.rabbitmqctl("eval", FELL_VIRTUAL_HOST)


def mend_broker(node: RabbitmqNode, fault: str) -> None:
    if fault == "killed":
        node.start()
        node.wait_ready()
    elif fault == "frozen":
        node.send_signal(signal.SIGCONT)
    else:
        node.rabbitmqctl("restart_vhost")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("killed", marks=pytest.mark.campaign),
        "frozen",
        pytest.param("without its virtual host", marks=pytest.mark.campaign),
    ],
)
def test_tasks_run_once_while_rabbitmq_is_broken_and_workers_consume_again_afterwards(
    own_workers: Workers, rabbitmq_node: RabbitmqNode, fault: str
) -> None:
    own_workers.start(threads=2)
    send_everything("before")
    wait_until(lambda: is_done("before"), "the tasks from before")
    break_broker(rabbitmq_node, fault)
    for number in range(3):
        send_everything(f"meanwhile {number}")
        wait_until(lambda number=number: is_done(f"meanwhile {number}"), "tasks without a broker")  # type: ignore[misc]
    mend_broker(rabbitmq_node, fault)
    wait_until(lambda: consumers_of(rabbitmq_node) > 0, "the worker to consume again")
    send_everything("afterwards")
    wait_until_drained()
    assert Effect.objects.count() == Call.objects.count() == Task.objects.count() / 2 == 5


def test_a_task_whose_message_was_lost_runs_while_its_queue_is_never_empty(
    own_workers: Workers,
) -> None:
    with transaction.atomic():
        lost = UUID(probe_transactional.send("lost").message_id)
        probe_transactional.send_many([(f"load {number}", 0.5) for number in range(40)])
        Task.objects.filter(pk=lost).update(publish_at=None, published_at=timezone.now())
    own_workers.start(threads=2)
    wait_until(lambda: Effect.objects.filter(key="lost").exists(), "the lost task")
    assert Task.objects.filter(state="queued").exists(), "it waited for the rest to end"


# --- what is taken --------------------------------------------------------------------------------
def send(**changes: object) -> UUID:
    with transaction.atomic():
        task_id = UUID(probe_transactional.send(str(uuid4())).message_id)
        if changes:
            Task.objects.filter(pk=task_id).update(**changes)
    return task_id


def taken(patience: Patience, limit: int = 10) -> set[UUID]:
    return {
        parcel.id for parcel in relay.take(["default"], uuid4(), limit=limit, patience=patience)
    }


def test_what_is_due_is_left_to_its_message_for_as_long_as_patience_says(
    transactional_db: None,
) -> None:
    send()
    send(publish_at=None, published_at=timezone.now())
    assert taken(PATIENT) == set()
    assert len(taken(AT_ONCE)) == 2


def test_what_was_sent_by_the_fast_path_is_taken_before_the_relay_may(
    transactional_db: None, settings: LazySettings
) -> None:
    settings.JOBS_FAST_PATH_GRACE_SECONDS = 60.0
    fresh = send(publish_at=timezone.now() + timedelta(seconds=30))
    assert taken(AT_ONCE) == {fresh}


def test_what_is_due_later_or_paused_is_not_taken(transactional_db: None) -> None:
    later = timezone.now() + timedelta(hours=1)
    send(run_at=later, publish_at=later)
    assert taken(AT_ONCE) == set()
    send()
    send(publish_at=None, published_at=timezone.now())
    Queue.objects.create(name="default", paused_at=timezone.now())
    assert taken(AT_ONCE) == set()


def test_what_was_handed_on_is_left_alone_where_nobody_looks_for_it(transactional_db: None) -> None:
    send(publish_at=None, published_at=timezone.now() - timedelta(days=1))
    assert taken(Patience()) == set()


def test_a_queue_with_a_rate_keeps_it_without_messages(transactional_db: None) -> None:
    Queue.objects.create(name="default", rate_per_minute=1)
    for _ in range(3):
        send()
    [first] = taken(AT_ONCE)
    assert taken(Patience(timedelta(), timedelta(minutes=5))) == set()
    assert claim(first, uuid4(), uuid4()) is not None


def test_two_who_take_at_once_share_what_there_is(transactional_db: None) -> None:
    long_ago = timezone.now() - timedelta(hours=2)
    sent = {send() for _ in range(20)}
    sent |= {send(publish_at=None, published_at=long_ago) for _ in range(20)}
    both: list[set[UUID]] = []
    start = threading.Barrier(2)

    def take_all() -> None:
        start.wait()
        mine: set[UUID] = set()
        while more := taken(Patience(timedelta(), timedelta(hours=1)), limit=3):
            mine |= more
        both.append(mine)
        connection.close()

    threads = [threading.Thread(target=take_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert both[0] | both[1] == sent
    assert not both[0] & both[1]


def test_the_relay_locks_nothing_while_it_waits_for_rabbitmq(
    transactional_db: None, rabbitmq_node: RabbitmqNode, settings: LazySettings
) -> None:
    """A frozen broker confirms nothing; meanwhile others take the task, and the relay's mark goes
    where nobody did.
    """
    settings.JOBS_QUEUE_PREFIX = f"test-{uuid4().hex[:8]}"
    publisher = Publisher(rabbitmq_node.url)
    wait_until(lambda: publisher.is_connected and publisher.depth("default") == 0, "the connection")
    kept, claimed = send(), send()
    moved: list[int] = []

    def hand_on() -> None:
        moved.append(relay._relay_batch(publisher, relay._DueQueue("default", None), 10))
        connection.close()

    rabbitmq_node.send_signal(signal.SIGSTOP)
    thread = threading.Thread(target=hand_on)
    try:
        thread.start()
        wait_until(lambda: Task.objects.filter(published_at=None).count() == 0, "the mark")
        assert claim(claimed, uuid4(), uuid4()) is not None
        thread.join()
    finally:
        rabbitmq_node.send_signal(signal.SIGCONT)
        publisher.stop()
    assert moved == [0]
    assert Task.objects.get(pk=kept).publish_at is not None
    assert Task.objects.get(pk=claimed).state == "running"
