"""The OpenAPI document and its page."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import yaml
from django.contrib.staticfiles import finders
from django.core.checks import run_checks
from django.test import Client


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    response = Client().get("/api/schema/")
    assert response.status_code == 200
    written: dict[str, Any] = yaml.load(response.content, yaml.CSafeLoader)
    return written


@pytest.mark.parametrize("path", ["/api/schema", "/api/schema/", "/api/docs", "/api/docs/"])
def test_document_and_page_are_public(path: str) -> None:
    assert Client().get(path).status_code == 200


def test_it_is_made_without_a_warning() -> None:
    messages = run_checks(include_deployment_checks=True)
    assert [message for message in messages if str(message.id).startswith("drf_spectacular")] == []


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


def operations_of(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def test_every_operation_has_a_short_summary_and_a_description_beside_it(
    document: dict[str, Any],
) -> None:
    for name, operation in operations_of(document):
        summary, description = operation.get("summary", ""), operation.get("description", "")
        assert 0 < len(summary) <= 80, f"{name}: the first line of its docstring is its summary"
        assert "\n" not in summary, name
        assert description, f"{name}: the paragraphs below the first line are its description"
        assert description.strip(".").casefold() != summary.casefold(), name


def test_every_tag_has_a_text_and_operations_stand_in_the_order_of_their_tags(
    document: dict[str, Any],
) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(tags.values())
    used = [operation["tags"] for _, operation in operations_of(document)]
    assert all(len(names) == 1 and names[0] in tags for names in used)
    assert list(dict.fromkeys(names[0] for names in used)) == list(tags)


def test_the_servers_are_named(document: dict[str, Any]) -> None:
    assert [server["url"] for server in document["servers"]] == ["/"]


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document):
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (name, parameter["name"])


def test_every_answer_is_described(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document):
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)


def test_every_component_and_each_of_its_properties_is_described(
    document: dict[str, Any],
) -> None:
    for name, component in document["components"]["schemas"].items():
        assert component.get("description"), f"{name}: its serializer needs a docstring"
        for field, described in component.get("properties", {}).items():
            is_told_by_its_component = set(described) == {"$ref"}
            assert is_told_by_its_component or described.get("description"), (
                f"{name}.{field}: it needs a help_text"
            )


def test_the_usual_errors_are_listed(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert {"400", "401", "404", "409", "422"} <= set(
        paths["/api/v1/reports/{id}/status/"]["post"]["responses"]
    )
    assert "401" not in paths["/api/v1/auth/request-otp/"]["post"]["responses"]
    profile = paths["/api/v1/profiles/me/"]  # only its PUT is limited
    assert ["429" in profile[method]["responses"] for method in ("get", "put")] == [False, True]


def test_every_error_tells_its_problem_document(document: dict[str, Any]) -> None:
    reference = {"$ref": "#/components/schemas/Problem"}
    for name, operation in operations_of(document):
        answers = operation["responses"]
        for status in {"default", *(status for status in answers if status >= "400")} - {"503"}:
            content = answers[status]["content"]
            assert content["application/problem+json"]["schema"] == reference, (name, status)
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
    assert set(answers) == {"200", "401", "404", "default"}
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


def test_a_blank_choice_in_an_answer_matches_the_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for component, field in [("StatusChange", "role"), ("ReportDetail", "waiting_for")]:
        schema = schemas[component]["properties"][field]
        jsonschema.validate("", schema | {"components": document["components"]})


def test_a_file_is_described_where_it_can_be_sent(document: dict[str, Any]) -> None:
    content = document["paths"]["/api/v1/reports/{id}/confirmation/"]["post"]["requestBody"][
        "content"
    ]
    names = {kind: body["schema"]["$ref"].rpartition("/")[2] for kind, body in content.items()}
    schemas = document["components"]["schemas"]
    has_photo = {kind: "photo" in schemas[name]["properties"] for kind, name in names.items()}
    assert has_photo == {"application/json": False, "multipart/form-data": True}


def test_every_whole_number_that_is_sent_has_a_maximum(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    unbounded = [
        f"{component}.{name}"
        for component in schemas
        if component.endswith("Request")
        for name, field in schemas[component].get("properties", {}).items()
        if field.get("type") == "integer" and "maximum" not in field
    ]
    assert unbounded == []


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


def test_pages_without_an_icon_of_their_own_have_one() -> None:
    answer = Client().get("/favicon.ico")
    assert answer.status_code == 302
    assert finders.find(answer["Location"].removeprefix("/static/"))


def test_a_body_with_one_of_two_fields_is_described_as_one_of_them(
    document: dict[str, Any],
) -> None:
    schema = document["components"]["schemas"]["NewAreaSubscriptionRequest"]
    assert schema["oneOf"] == [{"required": ["circle"]}, {"required": ["polygon"]}]
