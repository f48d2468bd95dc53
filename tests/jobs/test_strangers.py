"""What no worker can run: bodies that are no task, and actors of a release that is still to
come.
"""

from __future__ import annotations

import json
from uuid import uuid4

import pika
import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.db.models import F

from jobs.models import Task, UndecodableMessage
from jobs.states import State
from jobs.transport import topology
from tests.jobs.conftest import Workers, wait_until, wait_until_drained
from tests.jobs.probe.actors import probe_transactional


@pytest.mark.parametrize("transport", ["rabbitmq"], indirect=True)
def test_an_undecodable_body_is_kept_with_the_reason(
    workers: Workers, settings: LazySettings
) -> None:
    workers.start()
    settings.JOBS_QUEUE_PREFIX = workers.environment["JOBS_QUEUE_PREFIX"]
    name, arguments = topology.physical_name("default"), topology.queue_arguments("default")
    with pika.BlockingConnection(pika.URLParameters(workers.environment["RABBITMQ_URL"])) as link:
        channel = link.channel()
        channel.queue_declare(
            name, durable=True, arguments=arguments
        )  # the worker may not have done so yet
        for body in (b"\xff\x00 no json", b'{"message_id": "17"}', b'["a list"]'):
            channel.basic_publish("", name, body)
    wait_until(lambda: UndecodableMessage.objects.count() == 3, "the bodies to be kept")
    kept = UndecodableMessage.objects.get(body=b"\xff\x00 no json")
    assert kept.queue == "default"
    assert "DecodeError" in kept.error


@pytest.mark.parametrize("transport", ["rabbitmq"], indirect=True)
def test_a_message_that_lies_about_its_queue_or_actor_stops_no_worker(
    workers: Workers, settings: LazySettings
) -> None:
    workers.start(threads=1)
    settings.JOBS_QUEUE_PREFIX = workers.environment["JOBS_QUEUE_PREFIX"]
    name = topology.physical_name("default")
    fields = {
        "args": [],
        "kwargs": {},
        "options": {},
        "message_id": str(uuid4()),
        "message_timestamp": 0,
    }
    lies = [
        fields | {"queue_name": "nowhere", "actor_name": "probe_transactional"},
        fields | {"queue_name": "default", "actor_name": ["no", "name"]},
    ]
    with pika.BlockingConnection(pika.URLParameters(workers.environment["RABBITMQ_URL"])) as link:
        channel = link.channel()
        channel.queue_declare(name, durable=True, arguments=topology.queue_arguments("default"))
        for lie in lies:
            channel.basic_publish("", name, json.dumps(lie).encode())
    with transaction.atomic():
        probe_transactional.send("honest")
    wait_until_drained()
    wait_until(lambda: "jobs.unknown_actor" in workers.log(), "the other message to be met")
    for trouble in ("Traceback", "KeyError", "TypeError"):
        assert trouble not in workers.log()


def test_a_task_of_an_unknown_actor_waits_for_a_release_that_knows_it(workers: Workers) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_task (id, actor, queue, args, kwargs, priority, state, attempt, "
            "max_attempts, request_id)"
            " VALUES (gen_random_uuid(), 'actor_of_tomorrow', 'default', '[]', '{}', 0, 'queued', "
            "0, 8, '')"
        )
    workers.start()
    wait_until(lambda: "jobs.unknown_actor" in workers.log(), "a worker to meet the task")
    wait_until(
        lambda: Task.objects.filter(run_at__gt=F("created_at")).exists(), "the task to be put off"
    )
    task = Task.objects.get()
    assert (task.state, task.attempt) == (State.QUEUED, 0)
