"""Statements of a transaction that go to PostgreSQL as one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs.ledger import together
from jobs.ledger.database import fetch
from jobs.ledger.together import Part, apart, send_now
from jobs.models import Queue

pytestmark = pytest.mark.django_db
ADD = "INSERT INTO jobs_queue (name, note) VALUES (%s, '')"
NAMES = "SELECT name FROM jobs_queue ORDER BY name"


def names() -> list[str]:
    return [name for (name,) in fetch(NAMES, ())]


def test_parts_are_one_statement_and_each_learns_what_it_stored() -> None:
    answers: list[Any] = []
    with CaptureQueriesContext(connection) as seen, together.together():
        together.send(Part(ADD, ("a",), ("name", "paused_at"), answers.append))
        together.send(Part(ADD, ("b",)))
        again = f"{ADD} ON CONFLICT DO NOTHING"
        together.send(Part(again, ("kept",), ("name",), answers.append))
        together.send(
            Part(
                "UPDATE jobs_queue SET rate_per_minute = 7 FROM known WHERE name = named",
                ("other",),
                ("name",),
                answers.append,
                queries=(("known", "SELECT %s::text AS named"),),
            )
        )
        assert not answers
    assert len(seen) == 1
    assert answers == [("a", None), ("kept",), None]
    assert names() == ["a", "b", "kept"]


def test_another_statement_misses_nothing_unless_it_stands_apart() -> None:
    with together.together():
        together.send(Part(ADD, ("a",)))
        with apart():
            assert names() == []
        assert list(Queue.objects.values_list("name", flat=True)) == ["a"]
        together.send(Part(ADD, ("b",)))
        assert names() == ["a", "b"]


def test_an_error_drops_what_was_not_sent_and_a_savepoint_takes_its_parts_back() -> None:
    with suppress(ZeroDivisionError), together.together():
        together.send(Part(ADD, ("lost",)))
        raise ZeroDivisionError
    with together.together():
        together.send(Part(ADD, ("kept",)))
        with suppress(IntegrityError), transaction.atomic():
            together.send(Part(ADD, ("undone",)))
            send_now(Part(ADD, ("kept",)))
        with suppress(ZeroDivisionError), transaction.atomic():
            together.send(Part(ADD, ("never",)))
            raise ZeroDivisionError
    assert names() == ["kept"]


def test_parts_with_the_same_queries_and_very_many_parts_are_stored_too() -> None:
    queries = (("known", "SELECT %s::text AS named"),)
    add = Part(
        "INSERT INTO jobs_queue (name, note) SELECT named, '' FROM known", ("a",), queries=queries
    )
    with CaptureQueriesContext(connection) as seen, together.together(), together.together():
        together.send(add)
        together.send(Part(add.sql, ("b",), queries=queries))
        for number in range(together.PARTS_MAX):
            together.send(Part(ADD, (f"c{number:02}",)))
    assert len(names()) == 2 + together.PARTS_MAX
    assert len(seen) == 3


@pytest.mark.django_db(transaction=True)
def test_parts_go_together_within_a_transaction_only() -> None:
    with pytest.raises(RuntimeError), together.together():
        pass
    together.send(Part(ADD, ("alone",)))
    assert names() == ["alone"]
    Queue.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_a_part_that_cannot_be_sent_takes_the_transaction_back_whoever_catches_the_error() -> None:
    with suppress(ValueError, DataError), transaction.atomic(), together.together():
        together.send(Part(ADD, ("lost",)))
        together.send(Part(ADD, ("no\0name",)))
        with suppress(ValueError, DataError):
            names()
    assert names() == []


def test_a_savepoint_takes_back_nothing_that_was_handed_over_before_it_even_apart() -> None:
    with together.together():
        together.send(Part(ADD, ("kept",)))
        with apart(), suppress(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
    assert names() == ["kept"]


def test_a_part_that_an_answer_hands_over_is_sent_too() -> None:
    with together.together():
        together.send(Part(ADD, ("a",), then=lambda _: together.send(Part(ADD, ("b",)))))
    assert names() == ["a", "b"]
