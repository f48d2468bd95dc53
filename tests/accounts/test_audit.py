"""The audit log cannot be changed, and shares the fate of the action it is about."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from structlog.contextvars import bound_contextvars

from accounts import audit
from accounts.actors import record_audit_event
from accounts.models import AuditEvent
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
def test_a_row_knows_its_request() -> None:
    with bound_contextvars(request_id="abc"):
        event = audit.record("test.happened", actor_id=None, subject="test:1", data={"from": "a"})
    event.refresh_from_db()
    assert (event.request_id, event.data) == ("abc", {"from": "a"})


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
