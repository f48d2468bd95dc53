"""The OpenAPI document and its page."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import yaml
from django.contrib.staticfiles import finders
from django.test import Client


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    response = Client().get("/api/schema/")
    assert response.status_code == 200
    found: dict[str, Any] = yaml.safe_load(response.content)
    return found


@pytest.mark.parametrize("path", ["/api/schema", "/api/schema/", "/api/docs", "/api/docs/"])
def test_document_and_page_are_public(path: str) -> None:
    assert Client().get(path).status_code == 200


def test_it_can_be_had_as_json() -> None:
    response = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert response.json()["openapi"].startswith("3.")


@pytest.mark.django_db
def test_every_route_answers_with_and_without_its_slash(document: dict[str, Any]) -> None:
    client = Client()
    for path, operations in document["paths"].items():
        address = re.sub(r"{\w+}", "01a20142-e08d-77b6-a29a-1efd9743bdeb", path.rstrip("/"))
        for method in operations:
            plain, slashed = (client.generic(method.upper(), address + end) for end in ("", "/"))
            assert plain.status_code == slashed.status_code != 301, (method, path)
            assert plain.status_code != 404 or "{" in path, (method, path)


def test_it_lists_the_promised_routes_once_each(document: dict[str, Any]) -> None:
    paths = [path.rstrip("/") for path in document["paths"]]
    assert len(paths) == len(set(paths))
    promised = {
        "auth/request-otp",
        "auth/verify-otp",
        "auth/refresh",
        "users/me",
        "reports",
        "categories",
        "health",
    }
    assert {f"/api/v1/{name}" for name in promised} <= set(paths)
    assert all(path.startswith("/api/v1/") for path in paths)


def test_every_operation_tells_its_problem_document(document: dict[str, Any]) -> None:
    reference = {"$ref": "#/components/schemas/Problem"}
    for path in document["paths"].values():
        for operation in path.values():
            answer = operation["responses"]["default"]
            assert answer["content"]["application/problem+json"]["schema"] == reference
    assert {"type", "title", "status", "detail", "instance"} <= set(
        document["components"]["schemas"]["Problem"]["properties"]
    )


def test_creating_a_report_tells_of_the_idempotency_key(document: dict[str, Any]) -> None:
    (reports,) = (
        path for name, path in document["paths"].items() if name.rstrip("/") == "/api/v1/reports"
    )
    headers = {
        parameter["name"]
        for parameter in reports["post"]["parameters"]
        if parameter["in"] == "header"
    }
    assert "Idempotency-Key" in headers
    assert "Idempotency-Key" not in {
        parameter["name"] for parameter in reports["get"]["parameters"]
    }


@pytest.mark.parametrize(
    "path",
    [
        "jobs/match",
        "jobs/match/legacy",
        "matches/calculate",
        "onboarding/confirm",
        "partner/opportunities",
        "jobs",
    ],
)
def test_what_honours_the_idempotency_key_tells_so(document: dict[str, Any], path: str) -> None:
    parameters = document["paths"][f"/api/v1/{path}/"]["post"]["parameters"]
    assert "Idempotency-Key" in {parameter["name"] for parameter in parameters}


def test_cancelling_a_match_run_answers_with_its_status(document: dict[str, Any]) -> None:
    answers = document["paths"]["/api/v1/jobs/match/status/{task_id}/"]["delete"]["responses"]
    assert set(answers) == {"200", "default"}
    assert "content" in answers["200"]


def test_a_match_run_tells_of_waiting_and_of_lists_of_keywords(document: dict[str, Any]) -> None:
    run = document["paths"]["/api/v1/jobs/match/"]["post"]
    assert "wait" in {parameter["name"] for parameter in run["parameters"]}
    asked = document["components"]["schemas"]["RunRequestRequest"]["properties"]
    assert [kind["type"] for kind in asked["keywords"]["oneOf"]] == ["string", "array"]


@pytest.mark.parametrize("kind", ["save", "apply", "dismiss"])
def test_acting_on_an_opportunity_tells_its_answer(document: dict[str, Any], kind: str) -> None:
    answers = document["paths"][f"/api/v1/opportunities/{{id}}/{kind}/"]["post"]["responses"]
    for status in ("200", "201"):
        assert answers[status]["content"]["application/json"]["schema"]["$ref"].endswith(
            "/Interaction"
        )


def test_lists_tell_of_cursor_and_page_size(document: dict[str, Any]) -> None:
    (reports,) = (
        path for name, path in document["paths"].items() if name.rstrip("/") == "/api/v1/reports"
    )
    assert {"cursor", "page_size"} <= {
        parameter["name"] for parameter in reports["get"]["parameters"]
    }


def test_a_blank_email_address_is_valid_where_formats_are_not_checked(
    document: dict[str, Any],
) -> None:
    for component in ("User", "PatchedUserRequest"):
        schema = document["components"]["schemas"][component]["properties"]["email"]
        jsonschema.validate("", schema)
        jsonschema.validate("ana@example.org", schema)


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(ids) == len(set(ids))


def test_the_page_needs_nothing_from_elsewhere_and_no_inline_code() -> None:
    html = Client().get("/api/docs/").content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(addresses) == 5
    assert all(address.startswith("/") and not address.startswith("//") for address in addresses)
    assert "<style" not in html
    assert not re.search(r"<script(?![^>]*src=)", html)
    for address in addresses:
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/"))
    script = Client().get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
