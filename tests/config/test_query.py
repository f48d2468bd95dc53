"""Queries of the API: what an operation does not take is refused, never ignored."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve
from rest_framework.test import APIClient

from config import schema
from tests.accounts.factories import bearer, make_user

pytestmark = pytest.mark.django_db

NOBODYS = "01a20142-e08d-77b6-a29a-1efd9743bdeb"
SOMEWHERE = f"/api/v1/opportunities/{NOBODYS}/apply/"


def errors_of(method: str, path: str, **options: Any) -> list[dict[str, str]]:
    answer = APIClient().generic(method, path, headers=bearer(make_user()), **options)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert (document["type"], document["instance"]) == (
        "/problems/validation-error",
        path.partition("?")[0],
    )
    return list(document["errors"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/reports/"),
        ("HEAD", "/api/v1/reports/"),
        ("GET", "/api/v1/reports"),
        ("POST", "/api/v1/reports/"),
        ("GET", f"/api/v1/reports/{NOBODYS}/"),
        ("GET", "/api/v1/categories/"),
        ("GET", "/api/v1/jobs/"),
        ("POST", "/api/v1/auth/request-otp/"),
        ("PATCH", "/api/v1/users/me/"),
        ("PUT", "/api/v1/profiles/me/"),
        ("DELETE", SOMEWHERE),
        ("POST", "/api/v1/notifications/receipts/"),
    ],
)
def test_an_unknown_parameter_is_refused_by_every_method(method: str, path: str) -> None:
    answer = APIClient().generic(method, f"{path}?seveity=high")
    assert answer.status_code == 400


def test_each_unknown_parameter_is_named_beside_the_known_ones() -> None:
    errors = errors_of("GET", "/api/v1/categories/?severity=high&page_size=5&Status=new")
    assert [error["parameter"] for error in errors] == ["severity", "Status"]
    assert {error["code"] for error in errors} == {"unknown"}
    known = "cursor, page_size"
    assert errors[0]["detail"] == f"Unknown parameter. Expected one of: {known}."


def test_the_names_of_every_operation_are_those_of_the_document() -> None:
    for path, operations in schema.build()["paths"].items():
        view = resolve(re.sub(r"{\w+}", NOBODYS, path)).func
        for method, operation in operations.items():
            listed = operation.get("parameters", [])
            documented = frozenset(one["name"] for one in listed if one["in"] == "query")
            assert schema.query_parameters(view, method.upper()) == documented, (method, path)


def test_an_operation_without_parameters_says_so() -> None:
    [error] = errors_of("POST", f"{SOMEWHERE}?kind=job")
    assert error["detail"] == "Unknown parameter. None is expected."


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=", "blank"),
        ("status", "blank"),
        ("cursor=", "blank"),
        ("mine=", "blank"),
        ("page_size=5&page_size=10", "repeated"),
        ("category=%ff", "invalid"),
    ],
)
def test_a_parameter_has_one_readable_value(query: str, code: str) -> None:
    [error] = errors_of("GET", f"/api/v1/reports/?{query}")
    assert (error["parameter"], error["code"]) == (query.partition("=")[0], code)


@pytest.mark.parametrize(
    "path",
    [
        *(f"reports/?page_size={size}" for size in ("101", "9" * 30, "1_0", "0", "-5", "٣", "+5")),
        "reports/?mine=1",
        "reports/?mine=yes",
        "opportunities/?remote=null",
        "opportunities/?past=TRUE",
        "opportunities/?starts_after=20260101",
        "opportunities/?starts_after=2026-W01-1",
        "opportunities/?ends_before=2026-02-30",
        "matches/?new_since=2026-01-01",
        "matches/?new_since=2026-01-01T00:00:00",
        "matches/?min_score=1_0",
        "jobs/?state=",
        f"jobs/{NOBODYS}/?wait=26",
        f"jobs/{NOBODYS}/?wait=1_0",
        f"jobs/{NOBODYS}/?wait=true",
        f"jobs/{NOBODYS}/?wait=" + "9" * 5000,
    ],
)
def test_a_value_that_the_document_does_not_allow_is_refused(path: str) -> None:
    [error] = errors_of("GET", f"/api/v1/{path}")
    assert f"{error['parameter']}=" in path


def test_a_bad_parameter_of_a_post_is_named_as_a_parameter() -> None:
    [error] = errors_of("POST", "/api/v1/jobs/match/?wait=perhaps")
    assert (error["parameter"], "pointer" in error) == ("wait", False)


@pytest.mark.parametrize("value", ["1_0", "10", True, 1.5, 10**20, [10], None])
def test_a_whole_number_in_a_body_is_a_json_number(value: Any) -> None:
    answer = APIClient().post(
        "/api/v1/jobs/match/", {"limit": value}, format="json", headers=bearer(make_user())
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/health/?x=1",
        "/livez?x=1",
        "/metrics?x=1",
        "/api/schema/?format=json",
        "/api/docs/?script=",
        "/admin/login/?next=/admin/",
    ],
)
def test_what_the_document_leaves_out_takes_any_query(path: str) -> None:
    assert Client().get(path).status_code == 200


def test_a_method_that_the_address_lacks_is_said_first() -> None:
    assert APIClient().delete("/api/v1/reports/?x=1").status_code == 405
    assert APIClient().get("/api/v1/nothing/?x=1").status_code == 404
