"""The audit log cannot be changed, and shares the fate of the action it is about."""

from __future__ import annotations

import hashlib

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from structlog.contextvars import bound_contextvars

from accounts import audit, origins
from accounts.actors import record_audit_event
from accounts.models import AuditEvent
from accounts.origins import Origin
from jobs.testing import run_tasks
from tests.accounts.factories import make_user


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET event = 'changed'",
        "DELETE FROM accounts_auditevent",
        "TRUNCATE accounts_auditevent",
        "TRUNCATE accounts_auditevent CASCADE",
        "DELETE FROM accounts_auditevent WHERE false",
    ],
)
def test_rows_can_be_neither_changed_nor_removed(statement: str) -> None:
    audit.record("test.happened", actor_id=None, subject="test:1")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEvent.objects.get().event == "test.happened"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ids", "stored"),
    [
        ({"own_request_id": "0" * 32, "request_id": "of the client"}, "0" * 32),
        ({"request_id": "0" * 32}, "0" * 32),
        ({"request_id": "abc"}, f"sha256:{hashlib.sha256(b'abc').hexdigest()}"),
    ],
)
def test_a_row_knows_its_request(ids: dict[str, str], stored: str) -> None:
    with bound_contextvars(**ids):
        event = audit.record("test.happened", actor_id=None, subject="test:1", data={"from": "a"})
    event.refresh_from_db()
    assert (event.request_id, event.data) == (stored, {"from": "a"})


@pytest.mark.django_db
def test_a_row_vanishes_with_the_transaction_of_its_action() -> None:
    def act() -> None:
        with transaction.atomic():
            audit.record("test.happened", actor_id=None, subject="test:1")
            raise LookupError

    with pytest.raises(LookupError):
        act()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_the_actor_writes_one_row() -> None:
    user = make_user()
    with transaction.atomic():
        record_audit_event.send("report.submitted", str(user.id), "report:1", {"a": 1})
        record_audit_event.send("report.submitted", None, "report:2", {})
    run_tasks()
    rows = set(AuditEvent.objects.values_list("event", "actor_id", "subject"))
    assert rows == {
        ("report.submitted", user.id, "report:1"),
        ("report.submitted", None, "report:2"),
    }


@pytest.mark.django_db
def test_a_row_outlives_its_user() -> None:
    user = make_user()
    audit.record("test.happened", actor_id=user.id, subject=f"user:{user.id}")
    user.delete()
    assert AuditEvent.objects.get().subject.startswith("user:")


@pytest.mark.django_db
def test_a_row_knows_the_client_of_its_request() -> None:
    with origins.bound(Origin("203.0.113.7", "Browser 7")):
        inside = audit.record("test.happened", actor_id=None, subject="test:1")
    outside = audit.record("test.happened", actor_id=None, subject="test:1")
    assert (inside.ip_address, inside.user_agent) == ("203.0.113.7", "Browser 7")
    assert (outside.ip_address, outside.user_agent) == (None, "")


@pytest.mark.django_db
def test_a_client_chooses_nothing_of_what_stands_in_a_row() -> None:
    user = make_user(is_staff=True, password="correct horse battery")
    name = {"username": user.phone, "password": "correct horse battery"}
    headers = {"X-Request-ID": "made-by-the-client"}
    Client().post("/admin/login/", name, headers=headers)
    event = AuditEvent.objects.get()
    assert event.request_id
    assert "made-by-the-client" not in str(AuditEvent.objects.values())
