"""The database backend."""

from __future__ import annotations

import select
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import User
from config.postgresql import limits
from config.postgresql.base import is_open


@pytest.mark.django_db
def test_statements_are_remembered_only_for_whoever_asks(settings: Settings) -> None:
    settings.DEBUG = True
    connection.queries_log.clear()
    User.objects.count()
    assert not connection.queries_log
    with CaptureQueriesContext(connection) as seen:
        User.objects.count()
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("text", "milliseconds", "expected"),
    [("", "", 30), ("5", "", 5), ("0", "", 0), ("", "60000", 60), ("", "0", 0), ("0.5", "", 0.5)],
)
def test_the_limit_of_statements_is_said_in_either_unit(
    text: str, milliseconds: str, expected: float
) -> None:
    assert limits.seconds(text, milliseconds=milliseconds, default=30) == expected


@pytest.mark.parametrize(
    ("text", "milliseconds", "message"),
    [
        ("", "30", "it counts milliseconds"),
        ("5", "5000", "not both"),
        ("-1", "", "would end every statement"),
        ("soon", "", "could not convert"),
    ],
)
def test_a_limit_that_ends_every_statement_is_refused_at_the_start(
    text: str, milliseconds: str, message: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        limits.seconds(text, milliseconds=milliseconds, default=30)


@pytest.mark.django_db
def test_an_idle_connection_is_open_until_postgresql_ends_it() -> None:
    session, other = connection.copy(), connection.copy()
    raw, others = _raw(session), _raw(other)
    assert is_open(raw)
    raw.execute("LISTEN news")
    others.execute("NOTIFY news")
    assert select.select([raw], [], [], 5)[0]  # there is something to read, and yet it is open
    assert is_open(raw)
    others.execute("SELECT pg_terminate_backend(%s, 5000)", (raw.info.backend_pid,))
    assert select.select([raw], [], [], 5)[0]
    assert not is_open(raw)
    session.close()
    other.close()
    assert not is_open(raw)


def _raw(session: Any) -> Any:
    session.connect()
    return session.connection
