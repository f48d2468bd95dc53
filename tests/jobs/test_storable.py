"""What PostgreSQL cannot store is refused where it comes in, in a sentence; nothing else is
lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from jobs.errors import NotStorable
from jobs.execution import groups
from jobs.ledger import storable
from jobs.models import Attempt, OnceKey, Task
from jobs.states import State
from jobs.testing import run_tasks
from tests.jobs.probe.actors import (
    probe_answering,
    probe_checkpointing,
    probe_failing_with,
    probe_progressing,
    probe_sealed,
    probe_sum_up,
    probe_transactional,
)
from tests.jobs.probe.models import Effect

pytestmark = pytest.mark.django_db
UNSTORABLE = [
    pytest.param("a\0b", "U.0000", id="null character"),
    pytest.param({"a\0": 1}, "U.0000", id="null character in a key"),
    pytest.param("a\ud800b", "lone surrogate", id="half a character"),
    pytest.param(math.nan, "not JSON compliant", id="NaN"),
    pytest.param([{"deep": -math.inf}], "not JSON compliant", id="infinity"),
    pytest.param({1, 2}, "not JSON serializable", id="a set"),
]


@pytest.mark.parametrize(("value", "message"), UNSTORABLE)
@pytest.mark.parametrize(
    "send",
    [
        probe_transactional.send,
        lambda value: probe_transactional.send(key=value),
        lambda value: probe_transactional.send_many([("fine",), (value,)]),
        lambda value: probe_sealed.send(value, cave=1),
        lambda value: groups.send_group(
            probe_transactional, [("child",)], then=probe_sum_up, then_args=(value,)
        ),
    ],
    ids=["argument", "named argument", "many", "sealed", "group"],
)
def test_arguments_are_refused_and_the_senders_transaction_goes_on(
    send: Callable[[Any], object], value: object, message: str
) -> None:
    with transaction.atomic():
        with pytest.raises(NotStorable, match=message):
            send(value)
        Effect.objects.create(key="kept", worker_pid=0)
    assert Effect.objects.get().key == "kept"
    assert not Task.objects.exists()


@pytest.mark.parametrize("name", ["unique_key", "limit_key", "job_type"])
@pytest.mark.parametrize(
    ("value", "message"),
    [("k" * 201, "201 characters"), ("a\0b", "cannot be stored"), (7, "must be text")],
)
def test_names_are_refused_too(name: str, value: object, message: str) -> None:
    options: dict[str, Any] = {name: value} | ({"limit_count": 1} if name == "limit_key" else {})
    with transaction.atomic():
        for send in (
            lambda: probe_transactional.send_with_options(args=("a",), **options),
            lambda: probe_transactional.send_many([("a",)], **options),
        ):
            with pytest.raises(NotStorable, match=f"{name} .*{message}"):
                send()
        Effect.objects.create(key="kept", worker_pid=0)
    assert not Task.objects.exists()


def test_a_refused_send_takes_no_key_for_its_period() -> None:
    with transaction.atomic(), pytest.raises(NotStorable):
        probe_transactional.send_with_options(
            args=("a\0b",), unique_key="digest", once_per=timedelta(hours=1)
        )
    assert not OnceKey.objects.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"limit_key": "door", "limit_count": 0},
        {"limit_key": "door", "limit_count": -1},
        {"limit_key": "door", "limit_count": 2**40},
        {"max_attempts": 0},
        {"priority": 2**20},
        {"priority": "high"},
    ],
)
def test_numbers_are_refused_with_which_no_task_would_start(options: dict[str, Any]) -> None:
    with transaction.atomic():
        with pytest.raises(NotStorable, match="it must be from"):
            probe_transactional.send_with_options(args=("a",), **options)
        with pytest.raises(NotStorable, match="it must be from"):
            probe_transactional.send_many([("a",)], **options)
        Effect.objects.create(key="kept", worker_pid=0)
    assert not Task.objects.exists()


@pytest.mark.parametrize("actor", [probe_answering, probe_progressing, probe_checkpointing])
def test_what_a_task_stores_and_cannot_makes_it_dead_at_once(actor: Any) -> None:
    with transaction.atomic():
        actor.send("a\\0b")
    run_tasks(raise_errors=False)
    task = Task.objects.get()
    assert (task.state, task.attempt) == (State.DEAD, 1)
    assert Attempt.objects.get().error_type == "NotStorable"


def test_an_error_whose_text_cannot_be_stored_is_still_recorded() -> None:
    with transaction.atomic():
        probe_failing_with.send("a\\0b \\ud800")
    run_tasks(raise_errors=False)
    assert Task.objects.get().state == State.DEAD
    assert Attempt.objects.get().error == "a\ufffdb \ufffd"


@pytest.mark.parametrize(
    "value", ["\\u0000", "a\\\\u0000", "ü😀\n", [1.5, None, {"k": True}], 10**4000]
)
def test_what_only_looks_alike_is_stored(value: object) -> None:
    with transaction.atomic():
        probe_transactional.send(value)  # type: ignore[arg-type]
    assert Task.objects.get().args == [value]


def test_the_largest_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storable, "JSON_MAX_BYTES", 1000)
    with pytest.raises(NotStorable, match="The arguments cannot be stored: 1001 bytes are more"):
        storable.as_jsonb("x" * 999, "The arguments")
