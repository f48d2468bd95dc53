"""What the first tasks would wait for is prepared before a worker says that it is ready."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from dramatiq import Worker, get_broker

from jobs.execution import backlog
from jobs.models import Worker as WorkerRow
from jobs.worker import middleware, warming

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> list[str]:
    """What has been prepared; nothing is registered at first."""
    settings.JOBS_WARM_UP = True
    monkeypatch.setattr(warming, "_preparations", [])
    return []


def test_a_worker_prepares_what_its_queues_need(done: list[str]) -> None:
    warming.before_ready("default")(lambda: done.append("default"))
    warming.before_ready("matching")(lambda: done.append("matching"))
    warming.prepare(["critical", "default"])
    assert done == ["default"]


def test_a_worker_is_not_ready_before_it_is_prepared(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    warming.before_ready("default")(
        lambda: done.append("early" if not WorkerRow.objects.exists() else "late")
    )
    worker = Worker(get_broker(), worker_threads=1)
    monkeypatch.setattr(backlog, "_backlog", backlog.current())
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", False)
    monkeypatch.setitem(
        connection.settings_dict, "OPTIONS", dict(connection.settings_dict["OPTIONS"])
    )
    middleware.LedgerMiddleware().before_worker_boot(worker.broker, worker)
    assert done == ["early"]
    assert WorkerRow.objects.count() == 1


def test_what_fails_is_left_to_the_first_task(done: list[str]) -> None:
    def refuse() -> None:
        raise RuntimeError("the model cannot be loaded")

    warming.before_ready("default")(refuse)
    warming.before_ready("default")(lambda: done.append("after it"))
    warming.prepare(["default"])
    assert done == ["after it"]


def test_a_database_that_is_away_is_waited_for(done: list[str]) -> None:
    def ask() -> None:
        done.append("asked")
        if len(done) == 1:
            raise OperationalError("the database system is starting up")

    warming.before_ready("default")(ask)
    warming.prepare(["default"])
    assert done == ["asked", "asked"]


def test_nothing_is_prepared_where_that_is_off(done: list[str], settings: LazySettings) -> None:
    settings.JOBS_WARM_UP = False
    warming.before_ready("default")(lambda: done.append("default"))
    warming.prepare(["default"])
    assert done == []
