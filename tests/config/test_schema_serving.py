"""The OpenAPI document is built once and then only sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from config import schema
from tests.accounts.racing import race

JSON = {"Accept": "application/vnd.oai.openapi+json"}


@pytest.fixture(autouse=True)
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the builds of one test, which begins without a document."""
    counted_builds: list[int] = []
    plain = schema.build

    def counted() -> dict[str, Any]:
        counted_builds.append(1)
        return plain()

    monkeypatch.setattr(schema, "build", counted)
    schema.document.forget()
    return counted_builds


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_the_same_whole_document_built_once(builds: list[int]) -> None:
    outcomes = race(lambda: Client().get("/api/schema/"), times=12, threads=6)
    assert [getattr(outcome, "status_code", outcome) for outcome in outcomes] == [200] * 12
    assert len({outcome.content for outcome in outcomes}) == 1  # type: ignore[union-attr]
    assert len(builds) == 1


def test_who_has_it_gets_304(builds: list[int]) -> None:
    for headers in ({}, JSON):
        first = Client().get("/api/schema/", headers=headers)
        again = Client().get("/api/schema/", headers=headers | {"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert len(builds) == 1


def test_a_failed_build_is_no_document(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> dict[str, Any]:
        raise ZeroDivisionError

    good = schema.build
    monkeypatch.setattr(schema, "build", fail)
    with pytest.raises(ZeroDivisionError):
        Client().get("/api/schema/")
    monkeypatch.setattr(schema, "build", good)
    assert Client().get("/api/schema/").status_code == 200
