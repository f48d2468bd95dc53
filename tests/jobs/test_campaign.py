"""A short, seeded slice of the campaign that `make faults` runs at length, and proof that its
verdict can fail.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.faults import verdict
from tests.faults.__main__ import _report
from tests.faults.callbacks import PATH, TOKEN, CallBacks
from tests.faults.campaign import DUPLICATE_CALL_BACK, Campaign, Result
from tests.faults.effects import CREATE
from tests.faults.injections import NetworkFault, PostgresCrash, RabbitmqKill, WorkerSignal, deck
from tests.faults.outages import Outage
from tests.faults.provider import PROBE, Call, Provider
from tests.faults.proxy import Proxy
from tests.faults.system import Servers


@pytest.mark.campaign
@pytest.mark.faults
def test_nothing_is_lost_or_doubled_in_a_slice_of_the_campaign() -> None:
    """PostgreSQL dies under load, a worker's way to RabbitMQ is half open, workers are killed,
    RabbitMQ is wiped.
    """
    cards = [
        NetworkFault(name="half open", target="RabbitMQ", mode="half_open", seconds=2),
        WorkerSignal(name="worker killed", signal=signal.SIGKILL),
        PostgresCrash(
            name="PostgreSQL restarted", target="PostgreSQL server", seconds=0.5, is_killed=True
        ),
        RabbitmqKill(name="RabbitMQ wiped", target="RabbitMQ server", seconds=0.1, is_wiped=True),
    ]
    folder = Path(settings.DATA_DIR) / "faults-slice"
    with Servers(folder) as servers:
        campaign = Campaign(
            servers,
            cards,
            seed=1,
            seconds=8,
            workers=("worker-direct", "worker-proxied"),
            has_web=False,
        )
        result = campaign.run()
    shutil.rmtree(folder, ignore_errors=True)
    assert result.judged.breaches == []
    assert result.judged.tasks > 100
    assert {"half open", "PostgreSQL restarted", "RabbitMQ wiped"} <= result.hit.keys()
    assert result.drain_seconds <= 30


# --- the verdict finds what it is for ------------------------------------------------------------
@pytest.fixture
def judge(transactional_db: None) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection to the test database, with the campaign's table of effects."""
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
    parameters = {**connection.get_connection_params()}
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(
        **{name: parameters[name] for name in names if name in parameters}, autocommit=True
    ) as plain:
        yield plain
        plain.execute("DROP TABLE fault_effect")


def ended_task(
    judge: psycopg.Connection[tuple[object, ...]],
    actor: str,
    *,
    effects: int,
    state: str = "succeeded",
) -> str:
    task = str(uuid4())
    judge.execute(
        "INSERT INTO jobs_task (id, actor, queue, args, kwargs, priority, state, attempt, "
        "max_attempts, request_id,"
        " finished_at) VALUES (%s, %s, 'default', '[\"k\"]', '{}', 0, %s, 1, 8, '', now())",
        (task, actor, state),
    )
    for _ in range(effects):
        judge.execute("INSERT INTO fault_effect VALUES (%s, %s)", (task, f"effect of {task}"))
    return task


def test_the_verdict_passes_what_is_right(judge: psycopg.Connection[tuple[object, ...]]) -> None:
    ended_task(judge, "fault_effect", effects=1)
    assert verdict.judge(judge, verdict.Promised(), []).breaches == []


@pytest.mark.parametrize(
    ("effects", "state"), [(0, "succeeded"), (2, "succeeded"), (1, "cancelled")]
)
def test_the_verdict_finds_effects_lost_doubled_and_undue(
    judge: psycopg.Connection[tuple[object, ...]], effects: int, state: str
) -> None:
    ended_task(judge, "fault_effect", effects=effects, state=state)
    assert verdict.judge(judge, verdict.Promised(), []).breaches


def test_the_verdict_finds_tasks_that_vanished_or_should_not_be(
    judge: psycopg.Connection[tuple[object, ...]],
) -> None:
    task = ended_task(judge, "fault_effect", effects=1)
    promised = verdict.Promised(committed={uuid4()})
    promised.regretted = {type(next(iter(promised.committed)))(task)}
    breaches = verdict.judge(judge, promised, []).breaches
    assert [breach.split(":")[0] for breach in breaches] == [
        "committed tasks that vanished",
        "tasks of a rolled-back transaction",
    ]


def test_the_verdict_finds_a_message_sent_twice(
    judge: psycopg.Connection[tuple[object, ...]],
) -> None:
    once = ended_task(judge, "fault_once", effects=0)
    message = ended_task(judge, "fault_message", effects=1)
    good, bad = Call(message, "probe", "k", "ok"), Call(message, "probe", "k", "error")
    assert (
        verdict.judge(
            judge, verdict.Promised(), [Call(once, "probe", "k", "ok"), bad, good]
        ).breaches
        == []
    )
    assert len(verdict.judge(judge, verdict.Promised(), [good, good]).breaches) == 1
    assert (
        len(
            verdict.judge(
                judge, verdict.Promised(), [good, *[Call(once, "probe", "k", "ok")] * 2]
            ).breaches
        )
        == 1
    )


def sent_sms(
    judge: psycopg.Connection[tuple[object, ...]], provider_id: str, *, status: str
) -> None:
    judge.execute(
        "INSERT INTO notifications_delivery (id, channel, template, context, event_key, status, "
        "provider_id, error,"
        " created_at) VALUES (%(id)s, 'sms', 't', '{}', %(id)s, %(status)s, %(provider_id)s, '', "
        "now())",
        {"id": uuid4(), "status": status, "provider_id": provider_id},
    )


def kept_receipt(judge: psycopg.Connection[tuple[object, ...]], provider_id: str) -> None:
    judge.execute(
        "INSERT INTO notifications_receipt (provider_id, status, error, received_at)"
        " VALUES (%s, 'delivered', '', now())",
        (provider_id,),
    )


def test_the_verdict_passes_receipts_that_arrived(
    judge: psycopg.Connection[tuple[object, ...]],
) -> None:
    sent_sms(judge, "a", status="delivered")
    sent_sms(judge, "unanswered", status="sent")
    sent_sms(judge, "answer-lost", status="delivered")
    for provider_id in ("a", "of-a-code", "answer-lost"):
        kept_receipt(judge, provider_id)
    found = verdict.judge(judge, verdict.Promised(receipts={"a", "of-a-code"}), [])
    assert (found.breaches, found.receipts, found.delivered) == ([], 2, 2)


@pytest.mark.parametrize(
    ("status", "is_kept", "is_promised", "breach"),
    [
        ("delivered", False, True, "receipts answered 2xx that vanished"),
        ("sent", True, True, "deliveries that their receipt did not reach"),
        ("undelivered", True, True, "deliveries that their receipt did not reach"),
        ("delivered", False, False, "deliveries that ended without a receipt"),
    ],
)
def test_the_verdict_finds_receipts_that_were_lost_or_invented(
    judge: psycopg.Connection[tuple[object, ...]],
    status: str,
    *,
    is_kept: bool,
    is_promised: bool,
    breach: str,
) -> None:
    sent_sms(judge, "a", status=status)
    if is_kept:
        kept_receipt(judge, "a")
    promised = verdict.Promised(receipts={"a"} if is_promised else set())
    assert [found.split(":")[0] for found in verdict.judge(judge, promised, []).breaches] == [
        breach
    ]


def test_the_verdict_finds_a_receipt_kept_twice(
    judge: psycopg.Connection[tuple[object, ...]],
) -> None:
    unique = "notifications_receipt_provider_id_key"
    judge.execute(f"ALTER TABLE notifications_receipt DROP CONSTRAINT {unique}")
    try:
        kept_receipt(judge, "a")
        kept_receipt(judge, "a")
        found = verdict.judge(judge, verdict.Promised(receipts={"a"}), [])
        assert [breach.split(":")[0] for breach in found.breaches] == ["receipts kept twice"]
        assert found.doubled == 1
    finally:
        judge.execute("TRUNCATE notifications_receipt")
        judge.execute(
            f"ALTER TABLE notifications_receipt ADD CONSTRAINT {unique} UNIQUE (provider_id)"
        )


# --- outages are judged by how long people wait --------------------------------------------------
QUICK_STARTS, QUICK_CODES = [0.02] * 200, [0.1] * 5


@pytest.mark.parametrize(
    ("waits", "codes", "hits", "breach"),
    [
        (QUICK_STARTS, QUICK_CODES, 1, None),
        ([*QUICK_STARTS, 0.9], QUICK_CODES, 1, None),
        ([*QUICK_STARTS, *[0.4] * 5], QUICK_CODES, 1, "p99 from commit to start"),
        (QUICK_STARTS, [*QUICK_CODES, 2.5], 1, "a code was handed over"),
        (QUICK_STARTS[:50], QUICK_CODES, 1, "prove nothing"),
        (QUICK_STARTS, QUICK_CODES[:2], 1, "prove nothing"),
        (QUICK_STARTS, QUICK_CODES, 0, "prove nothing"),
    ],
)
def test_an_outage_in_which_people_wait_or_that_hits_nothing_is_a_breach(
    waits: list[float], codes: list[float], hits: int, breach: str | None
) -> None:
    found = Outage("RabbitMQ frozen", waits, codes, hits).breaches
    assert bool(found) == bool(breach)
    assert all(breach in one for one in found if breach)


def test_small_faults_are_counted_apart() -> None:
    result = Result(1, hit=Counter({"RabbitMQ frozen": 2, DUPLICATE_CALL_BACK: 100}))
    result.hit["thread death at loop.civiclens-relay"] = 50
    control = {"faults": 1, "tasks": 1, "lost": 1, "doubled": 1}
    report = _report([result], control, [], [], can_fill_disk=True)
    assert (report["faults"], report["lesser_faults"]) == (2, 150)


# --- the tools -----------------------------------------------------------------------------------
def test_every_kind_of_fault_is_in_the_smallest_deck() -> None:
    names = {card.name for card in deck(random.Random(1), weight=1, can_fill_disk=True)}
    assert len(names) == 24
    assert names == {card.name for card in deck(random.Random(2), weight=3, can_fill_disk=True)}


def test_a_half_open_proxy_swallows_and_then_resets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as far:
        threading.Thread(target=_echo, args=(far,), daemon=True).start()
        proxy = Proxy(("127.0.0.1", far.getsockname()[1]))
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as near:
            near.sendall(b"one")
            assert near.recv(3) == b"one"
            proxy.set_mode("half_open")
            near.sendall(b"two")
            near.settimeout(0.3)
            with pytest.raises(TimeoutError):
                near.recv(3)
            proxy.set_mode("pass")
            near.settimeout(5)
            with pytest.raises(ConnectionResetError):
                near.recv(3)
        proxy.stop()


class _Product(BaseHTTPRequestHandler):
    """Takes receipts, but answers each third request with an error."""

    asked: ClassVar[list[tuple[str, str, str]]] = []

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], told["id"]))
        self.send_response(503 if len(self.asked) % 3 == 0 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_provider_calls_back_until_it_is_answered_and_about_some_messages_repeatedly() -> None:
    _Product.asked.clear()
    provider = Provider(1)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Product) as product:
        provider.call_backs = CallBacks(product.server_port, seed=1)
        ids = {provider.accept("key", "+12025550123", "body")[1] for _ in range(20)}
        provider.accept("key", PROBE, "body")
        assert provider.call_backs.is_pending
        threading.Thread(target=product.serve_forever, daemon=True).start()
        provider.call_backs.finish(lambda: time.sleep(0.05), seconds=20)
        product.shutdown()
    provider.stop()
    hit, unhit = provider.call_backs.duplicates()
    answered = provider.call_backs.answered
    assert len(ids) == 20
    assert answered.keys() == ids
    assert (hit, unhit) == (sum(times > 1 for times in answered.values()), 0)
    assert 3 <= hit < 20
    assert {(path, token) for path, token, _ in _Product.asked} == {(PATH, f"Bearer {TOKEN}")}
    assert len(_Product.asked) > answered.total()


def _echo(listener: socket.socket) -> None:
    peer, _ = listener.accept()
    with peer, suppress(ConnectionError):
        while data := peer.recv(100):
            peer.sendall(data)
