"""The embedded transport's feeder loses nothing, whatever goes wrong while it takes tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import connection, transaction

from jobs.ledger.parcels import Parcel
from jobs.models import Task
from jobs.transport import relay
from jobs.transport.brokers import EmbeddedLedgerBroker
from jobs.transport.relay import Patience
from tests.jobs.conftest import wait_until
from tests.jobs.probe.actors import probe_long, probe_transactional

pytestmark = pytest.mark.django_db(transaction=True)

REFUSE_MATCHING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON jobs_task FOR EACH ROW WHEN (new.queue = 'matching')
    EXECUTE FUNCTION refuse()
"""


@contextmanager
def refusal() -> Iterator[None]:
    """Inside, PostgreSQL changes no task of the queue `matching`."""
    with connection.cursor() as cursor:
        cursor.execute(REFUSE_MATCHING)
        try:
            yield
        finally:
            cursor.execute("DROP FUNCTION refuse CASCADE")


@pytest.fixture
def embedded() -> Iterator[EmbeddedLedgerBroker]:
    broker = EmbeddedLedgerBroker()
    for actor in (probe_transactional, probe_long):
        broker.actors[actor.actor_name] = actor
    yield broker
    broker.close()


def test_what_was_taken_before_an_error_is_fed_after_all(embedded: EmbeddedLedgerBroker) -> None:
    default, _ = (
        embedded.consume(queue, prefetch=8, timeout=100) for queue in ("default", "matching")
    )
    with refusal():
        with transaction.atomic():
            sent = probe_transactional.send("taken")
            probe_long.send("refused", 1)
        wait_until(lambda: Task.objects.filter(publish_at=None).exists(), "the task to be taken")
    wait_until(
        lambda: (fed := next(default)) is not None and fed.message_id == sent.message_id,
        "it to be fed",
        10,
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_feeder_that_died_is_replaced_and_what_it_took_is_fed(
    embedded: EmbeddedLedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = relay.take

    def take_and_die(
        queues: list[str], worker_id: UUID, *, limit: int, patience: Patience
    ) -> list[Parcel]:
        if plain(queues, worker_id, limit=limit, patience=patience):
            connection.close()
            raise RuntimeError("a fault nobody foresaw")
        return []

    monkeypatch.setattr(relay, "take", take_and_die)
    consumer = embedded.consume("default", prefetch=8, timeout=100)
    with transaction.atomic():
        sent = probe_transactional.send("taken")
    wait_until(lambda: not embedded.feeder.is_alive, "the feeder to die")
    monkeypatch.setattr(relay, "take", plain)
    wait_until(
        lambda: (fed := next(consumer)) is not None and fed.message_id == sent.message_id,
        "it to be fed",
        10,
    )
