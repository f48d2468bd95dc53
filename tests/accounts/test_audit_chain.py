"""Whoever gets past the triggers of the audit log is found out by its chain."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts import audit, audit_chain, origins
from accounts.actors import export_audit_head, seal_audit_events
from accounts.models import AuditEvent, AuditSeal
from accounts.origins import Origin
from jobs.ledger import database
from jobs.testing import run_tasks
from tests import databases
from tests.accounts.racing import race


@pytest.fixture
def _head_file(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEAD_FILE = str(tmp_path / "heads.jsonl")


pytestmark = [pytest.mark.django_db, pytest.mark.pooled, pytest.mark.usefixtures("_head_file")]


def record(count: int) -> list[int]:
    return [
        audit.record("test.happened", actor_id=None, subject=f"test:{n}", data={"n": n}).pk
        for n in range(count)
    ]


def seal() -> int:
    with transaction.atomic():
        return audit_chain.seal()


def chain(*batches: int) -> list[int]:
    """Events sealed batch by batch; the head is exported."""
    ids = []
    for size in batches:
        ids += record(size)
        assert seal() == size
    audit_chain.export_head()
    return ids


@contextmanager
def past_the_triggers() -> Iterator[Any]:
    """What an administrator of the database may do."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
        cursor.execute("SET LOCAL session_replication_role = origin")


def age(*, days: int) -> None:
    """Let the log be as if it had been written and sealed so many days ago."""
    previous = audit_chain.GENESIS
    with past_the_triggers() as cursor:
        cursor.execute(
            "UPDATE accounts_auditevent SET created_at = created_at - make_interval(days => %s)",
            (days,),
        )
        for one in AuditSeal.objects.order_by("sequence"):
            cursor.execute(f"{audit_chain._DIGESTS} ORDER BY id", (one.event_ids,))
            one.digests = b"".join(bytes(digest) for _, digest, _ in cursor.fetchall())
            one.sealed_at -= timedelta(days=days)
            one.previous_hash = previous
            previous = one.hash = audit_chain.hash_of(one)
            one.save()


def broken() -> tuple[int, int | None, str]:
    """The first break that the command names, with its exit status checked."""
    out = StringIO()
    with pytest.raises(SystemExit) as exit_status:
        call_command("audit_verify", "--json", stdout=out)
    assert exit_status.value.code == 1
    found = json.loads(out.getvalue())["broken"]
    return found["sequence"], found["event_id"], found["what"]


def verdict() -> dict[str, Any]:
    out = StringIO()
    call_command("audit_verify", "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_an_untouched_log_holds() -> None:
    chain(3, 1, 2)
    record(1)
    assert verdict() == {"seals": 3, "events": 7, "unsealed": 1, "heads": 1, "broken": None}


def test_an_empty_log_holds() -> None:
    assert seal() == 0
    assert audit_chain.export_head() is None
    assert verdict() == {"seals": 0, "events": 0, "unsealed": 0, "heads": 0, "broken": None}


def test_each_event_gets_one_seal() -> None:
    ids = chain(3, 2)
    assert seal() == 0
    assert [
        list(each)
        for each in AuditSeal.objects.order_by("sequence").values_list("event_ids", flat=True)
    ] == [
        ids[:3],
        ids[3:],
    ]


@pytest.mark.parametrize(
    "change",
    [
        "event = 'other'",
        "actor_id = gen_random_uuid()",
        "subject = 'test:other'",
        """data = '{"n": 7}'""",
        "request_id = 'other'",
        "ip_address = '203.0.113.7'",
        "user_agent = 'other'",
        "created_at = created_at + interval '1 microsecond'",
    ],
)
def test_an_edited_event_is_named(change: str) -> None:
    ids = chain(2, 3)
    with past_the_triggers() as cursor:
        cursor.execute(f"UPDATE accounts_auditevent SET {change} WHERE id = %s", (ids[3],))
    assert broken() == (2, ids[3], "event edited")


def test_the_first_of_several_breaks_is_named() -> None:
    ids = chain(2, 2)
    with past_the_triggers() as cursor:
        cursor.execute(
            "UPDATE accounts_auditevent SET event = 'other' WHERE id = ANY(%s)", ([ids[1], ids[2]],)
        )
    assert broken() == (1, ids[1], "event edited")


def test_a_deleted_event_is_named() -> None:
    ids = chain(2, 3)
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM accounts_auditevent WHERE id = %s", (ids[0],))
    assert broken() == (1, ids[0], "event deleted")


def test_events_that_changed_places_are_named() -> None:
    ids = chain(3)
    with past_the_triggers() as cursor:
        for old, new in ((ids[0], -1), (ids[2], ids[0]), (-1, ids[2])):
            cursor.execute("UPDATE accounts_auditevent SET id = %s WHERE id = %s", (new, old))
    assert broken() == (1, ids[0], "event edited")


def test_an_event_slipped_in_between_is_named() -> None:
    ids = chain(3)
    age(days=30)
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE accounts_auditevent SET id = id + 1000 WHERE id = %s", (ids[2],))
        cursor.execute(
            "UPDATE accounts_auditseal SET event_ids = %s, last_event_id = %s", (ids[:2], ids[2])
        )
        cursor.execute(
            "UPDATE accounts_auditevent SET id = %s WHERE id = %s", (ids[2], ids[2] + 1000)
        )
        last = AuditSeal.objects.get()
        last.digests = bytes(last.digests)[:64]
        cursor.execute(
            "UPDATE accounts_auditseal SET digests = %s, hash = %s",
            (last.digests, audit_chain.hash_of(last)),
        )
    Path(audit_chain.head_file()).unlink()
    assert broken() == (0, ids[2], "event added")
    assert seal() == 0


def test_seals_that_changed_places_are_named() -> None:
    chain(1, 1, 1)
    with past_the_triggers() as cursor:
        for old, new in ((2, -1), (3, 2), (-1, 3)):
            cursor.execute(
                "UPDATE accounts_auditseal SET sequence = %s WHERE sequence = %s", (new, old)
            )
    assert broken() == (2, None, "seal edited or reordered")


def test_a_seal_edited_with_its_event_is_named() -> None:
    """Who makes an edited event's digest fit breaks the hash."""
    ids = chain(1, 1)
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE accounts_auditevent SET event = 'other' WHERE id = %s", (ids[0],))
        cursor.execute(audit_chain._DIGESTS, ([ids[0]],))
        [(_, digest, _)] = cursor.fetchall()
        cursor.execute("UPDATE accounts_auditseal SET digests = %s WHERE sequence = 1", (digest,))
    assert broken() == (1, None, "seal edited or reordered")


def test_a_missing_seal_is_named() -> None:
    chain(1, 1, 1)
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM accounts_auditseal WHERE sequence = 2")
    assert broken()[::2] == (2, "seal missing")


def cut_tail(ids: list[int]) -> None:
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM accounts_auditseal WHERE sequence = 2")
        cursor.execute("DELETE FROM accounts_auditevent WHERE id = ANY(%s)", (ids,))


def test_a_cut_tail_is_noticed_by_the_exported_head() -> None:
    ids = chain(2, 2)
    cut_tail(ids[2:])
    assert broken() == (2, None, "seal missing: the tail was cut after the head was exported")


def test_a_chain_computed_anew_is_noticed_by_the_exported_head() -> None:
    ids = chain(2, 2)
    cut_tail(ids[2:])
    record(1)
    assert seal() == 1
    assert broken() == (2, None, "seal differs from the exported head")


def test_an_event_committed_after_newer_ones_were_sealed_gets_its_seal() -> None:
    late, newer = record(1), record(1)
    with past_the_triggers() as cursor:  # as if its transaction were still open
        cursor.execute("UPDATE accounts_auditevent SET id = -id WHERE id = %s", (late[0],))
    assert seal() == 1
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE accounts_auditevent SET id = -id WHERE id = %s", (-late[0],))
    assert seal() == 1
    assert list(AuditSeal.objects.order_by("sequence").values_list("event_ids", flat=True)) == [
        newer,
        late,
    ]
    assert verdict()["broken"] is None


def test_a_run_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_chain, "BATCH_EVENTS", 2)
    monkeypatch.setattr(audit_chain, "RUN_BATCHES", 2)
    record(5)
    assert [seal(), seal(), seal()] == [4, 1, 0]
    assert verdict()["seals"] == 3


def test_a_day_later_only_new_events_are_looked_for() -> None:
    chain(3)
    age(days=2)
    audit_chain.head_file().unlink()
    record(2)
    assert seal() == 2
    assert verdict() == {"seals": 2, "events": 5, "unsealed": 0, "heads": 0, "broken": None}


@pytest.mark.parametrize(
    "statement", ["UPDATE accounts_auditseal SET hash = ''", "DELETE FROM accounts_auditseal"]
)
def test_seals_can_be_neither_changed_nor_removed(statement: str) -> None:
    chain(1)
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("is_sealed", [False, True], ids=["without a seal", "sealed"])
def test_an_event_backdated_past_the_triggers_is_named(*, is_sealed: bool) -> None:
    chain(2)
    [late] = record(1)
    with past_the_triggers() as cursor:
        cursor.execute(
            "UPDATE accounts_auditevent SET created_at = created_at - interval '30 days' WHERE id "
            "= %s",
            (late,),
        )
    if is_sealed:
        seal()
    assert broken() == (2 if is_sealed else 0, late, "event backdated")


def test_an_event_dated_after_its_seal_is_named() -> None:
    [early] = record(1)
    with past_the_triggers() as cursor:
        cursor.execute(
            "UPDATE accounts_auditevent SET created_at = created_at + interval '30 days'"
        )
    seal()
    assert broken() == (1, early, "event dated after its seal")


def test_an_event_bears_the_time_of_postgresql_whatever_the_sender_says() -> None:
    with time_machine.travel(timezone.now() - timedelta(days=30)):
        event = AuditEvent.objects.create(event="e", subject="s", created_at=timezone.now())
    event.refresh_from_db()
    assert abs(event.created_at - database.now()) < timedelta(minutes=1)


def test_an_event_takes_the_next_number_and_no_other() -> None:
    record(1)
    with pytest.raises(DatabaseError, match="comes from its sequence"), transaction.atomic():
        AuditEvent.objects.create(id=2**40, event="e", subject="s")


def test_a_seal_of_another_time_is_refused() -> None:
    chain(1)
    other = AuditSeal.objects.get()
    other.sequence, other.hash, other.previous_hash = 2, bytes(32), bytes(other.hash)
    other.sealed_at -= timedelta(days=30)
    with pytest.raises(DatabaseError, match="the time at which it is made"), transaction.atomic():
        other.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_of_two_sealers_at_once_one_seals() -> None:
    record(50)
    assert sorted(race(seal, times=4)) == [0, 0, 0, 50]  # type: ignore[type-var]
    assert verdict()["seals"] == 1


@pytest.mark.django_db(transaction=True)
def test_an_open_transaction_does_not_hold_up_the_others() -> None:
    written, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            record(1)
            written.set()
            may_commit.wait(timeout=30)
        connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert written.wait(timeout=30)
    record(1)
    assert seal() == 1
    may_commit.set()
    writer.join(timeout=30)
    assert seal() == 1
    assert verdict()["broken"] is None


def test_the_actors_seal_and_export() -> None:
    record(2)
    with transaction.atomic():
        seal_audit_events.send()
    run_tasks()
    with transaction.atomic():
        export_audit_head.send()
    run_tasks()
    assert [line.sequence for line in audit_chain.read_heads(audit_chain.head_file())] == [1]
    assert AuditEvent.objects.count() == 2


def test_the_same_head_is_exported_once() -> None:
    chain(1)
    audit_chain.export_head()
    out = StringIO()
    call_command("audit_head", "--export", stdout=out)
    lines = audit_chain.head_file().read_text().splitlines()
    assert len(lines) == 1
    assert json.loads(out.getvalue()).items() <= json.loads(lines[0]).items()


def test_a_spoiled_head_file_is_an_error() -> None:
    audit_chain.head_file().write_text("no head\n")
    with pytest.raises(CommandError, match="not a file of heads"):
        call_command("audit_verify")


@pytest.mark.django_db(transaction=True)
def test_a_log_that_cannot_be_read_is_not_called_broken() -> None:
    with (
        databases.connected_to("postgres://nobody@127.0.0.1:1/nothing"),
        pytest.raises(CommandError, match="The log could not be verified") as refusal,
    ):
        call_command("audit_verify")
    assert refusal.value.returncode == 2, "with which the process ends"


def test_a_head_file_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        call_command("audit_verify", "--heads", str(tmp_path / "none"))


def test_people_read_one_sentence() -> None:
    ids = chain(1)
    out = StringIO()
    call_command("audit_verify", stdout=out)
    assert out.getvalue().startswith("The chain holds: 1 events, 0 not sealed yet; 1 seals")
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM accounts_auditevent")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("audit_verify", stdout=out)
    assert out.getvalue().startswith(
        f"The chain is BROKEN at seal 1, event {ids[0]}: event deleted."
    )


def test_the_client_of_an_event_is_sealed_with_it() -> None:
    with origins.bound(Origin("203.0.113.7", "Browser 7")):
        ids = chain(2, 2)
    call_command("audit_verify", stdout=StringIO())
    with past_the_triggers() as cursor:
        cursor.execute(
            "UPDATE accounts_auditevent SET ip_address = NULL, user_agent = '' WHERE id = %s",
            (ids[3],),
        )
    assert broken() == (2, ids[3], "event edited")
