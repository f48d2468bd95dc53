"""How the databases of the tests are handed on from one test to the next."""

from __future__ import annotations

import pytest
from django.db import connection

from tests import databases

LEFT = """
SELECT current_setting('work_mem'), to_regclass('left_over'),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
"""


@pytest.mark.django_db(transaction=True)
def test_the_next_test_gets_the_connection_without_what_this_one_set_in_its_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute(LEFT)
        before = cursor.fetchone()
        cursor.execute("SET work_mem = '1MB'; CREATE TEMPORARY TABLE left_over ()")
        cursor.execute("SELECT pg_advisory_lock(1)")
        assert not databases.needs_another_connection()
        cursor.execute(LEFT)
        assert cursor.fetchone() == before
    assert before[1:] == (None, 0)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_closed_or_in_a_transaction_is_not_handed_on() -> None:
    connection.ensure_connection()
    connection.connection.execute("BEGIN")
    assert databases.needs_another_connection()
    connection.close()
    assert databases.needs_another_connection()
