"""How the ledger talks to PostgreSQL."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.ledger import database
from jobs.ledger.database import execute, fetch

pytestmark = pytest.mark.django_db
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int%%'"


def prepared() -> int:
    return int(fetch(PREPARED, ())[0][0])


def test_a_frequent_statement_is_prepared_once_and_again_when_its_plan_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "PLAN_LIFETIME_SECONDS", 1e9)
    for number in (1, 2, 3):
        assert fetch("SELECT %s::int", (number,), is_prepared=True) == [(number,)]
    assert prepared() == 1
    monkeypatch.setattr(database, "PLAN_LIFETIME_SECONDS", 1e-9)
    assert execute("SELECT %s::int", (4,), is_prepared=True) == 1
    assert prepared() == 2


def test_others_are_not_prepared_and_json_comes_as_values_either_way() -> None:
    for is_prepared in (False, True):
        assert fetch("SELECT %s::jsonb", ('{"a": [1]}',), is_prepared=is_prepared) == [
            ({"a": [1]},)
        ]
    fetch("SELECT %s::int", (1,))
    assert prepared() == 0


def test_whoever_watches_the_queries_sees_the_frequent_ones_too() -> None:
    with CaptureQueriesContext(connection) as seen:
        fetch("SELECT %s::int", (7,), is_prepared=True)
    assert seen[0]["sql"].startswith("SELECT 7::int")
