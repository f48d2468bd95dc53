"""What a worker process does before its threads begin."""

from __future__ import annotations

from copy import deepcopy

import pytest
from django.db import connections
from dramatiq import Worker as DramatiqWorker

from jobs.execution import backlog
from jobs.models import Worker
from jobs.process import process_id
from jobs.transport.brokers import EmbeddedLedgerBroker
from jobs.worker.middleware import LedgerMiddleware


@pytest.mark.django_db
def test_a_worker_is_known_before_its_threads_can_claim_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others rescue at once what a process runs that the ledger does not know."""
    monkeypatch.setitem(connections.settings, "default", deepcopy(connections.settings["default"]))
    monkeypatch.setattr(backlog, "_backlog", backlog.current())
    broker = EmbeddedLedgerBroker()
    worker = DramatiqWorker(broker, queues={"default"}, worker_threads=3)
    LedgerMiddleware().before_worker_boot(broker, worker)
    assert list(Worker.objects.values_list("id", "queues", "threads")) == [
        (process_id(), ["default"], 3)
    ]
