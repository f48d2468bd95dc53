"""Every error under /api/ is an RFC 9457 problem document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from config.problems import PROBLEM_TYPES
from jobs.errors import DomainError

pytestmark = pytest.mark.urls("tests.config.views")


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def problem(response: Any, slug: str) -> dict[str, Any]:
    """Assert that the answer is this problem document; return it."""
    assert response["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response.content)
    assert document["type"] == f"/problems/{slug}"
    assert document["status"] == response.status_code == PROBLEM_TYPES[slug].status
    assert document["title"] == PROBLEM_TYPES[slug].title
    assert document["detail"]
    assert document["instance"] == response.wsgi_request.path
    return document


def post(
    client: Client, body: str | bytes, content_type: str = "application/json", to: str = "raw"
) -> Any:
    return client.post(f"/api/v1/test/{to}/", body, content_type=content_type)


@pytest.mark.parametrize(
    ("kind", "slug"),
    [
        ("validation", "validation-error"),
        ("permission", "permission-denied"),
        ("throttled", "too-many-requests"),
        ("otp", "otp-invalid"),
        ("codes", "too-many-requests"),
        ("access", "token-invalid"),
        ("meanwhile", "conflict"),
        ("unlisted", "bad-request"),
        ("database", "unavailable"),
        ("suspicious", "malformed-body"),
    ],
)
def test_an_exception_becomes_the_problem_of_the_table(
    client: Client, kind: str, slug: str
) -> None:
    document = problem(client.get(f"/api/v1/test/fail/{kind}/"), slug)
    assert "secret" not in json.dumps(document)


def test_the_default_message_of_every_error_is_one_line() -> None:
    def below(kind: type[DomainError]) -> set[type[DomainError]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    kinds = [kind for kind in below(DomainError) if kind.__init__ is DomainError.__init__]
    assert len(kinds) > 20
    assert [kind for kind in kinds if "\n" in str(kind()) or not str(kind())] == []


def test_field_errors_point_into_the_body(client: Client) -> None:
    body = {"title": "x" * 21, "place": {"latitude": 91}, "tags": ["abc", "long"]}
    document = problem(post(client, json.dumps(body), to="echo"), "validation-error")
    found = {error["pointer"]: error for error in document["errors"]}
    assert set(found) == {"#/title", "#/place/latitude", "#/tags/1"}
    assert found["#/title"]["field"] == "title"
    assert found["#/title"]["code"] == "max_length"
    assert found["#/place/latitude"]["field"] == "place.latitude"


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "7", "true", "[[]]"])
def test_a_body_that_is_no_object_is_a_validation_error(client: Client, body: str) -> None:
    problem(post(client, body, to="echo"), "validation-error")


def test_an_empty_body_names_the_missing_field(client: Client) -> None:
    document = problem(client.post("/api/v1/test/echo/"), "unsupported-media-type")
    assert document["detail"]
    document = problem(post(client, "{}", to="echo"), "validation-error")
    assert document["errors"] == [
        {
            "field": "title",
            "pointer": "#/title",
            "code": "required",
            "detail": "This field is required.",
        }
    ]


def test_query_errors_name_the_parameter(client: Client) -> None:
    (error,) = problem(client.get("/api/v1/test/fail/validation/"), "validation-error")["errors"]
    assert error["parameter"] == "bbox"
    assert "pointer" not in error


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b'{"title": "\xff\xfe"}',
        b"\x00",
        b'{"x": NaN}',
        b'{"x": Infinity}',
        b'{"x": -Infinity}',
        b'{"x": 1e999}',
        b'{"x": 1' + b"0" * 400 + b"}",
        b'{"x": 1' + b"0" * 5000 + b"}",
        b'{"x": 9223372036854775808}',
        b'{"x": "a\\u0000b"}',
        b'{"a\\u0000b": 1}',
        b'{"x": ["\\ud800"]}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b"[" * 200 + b"]" * 200,
        b'{"x":' * 200 + b"1" + b"}" * 200,
    ],
    ids=lambda body: repr(body[:16]),
)
def test_a_malformed_body_is_refused(client: Client, body: bytes) -> None:
    response = post(client, body)
    if body == b"":  # no body at all is an empty one
        assert response.status_code == 200
    else:
        problem(response, "malformed-body")


@pytest.mark.parametrize("body", ['{"x": 9223372036854775807}', '{"x": "\\ud83d\\ude80 é"}'])
def test_a_sound_body_is_taken(client: Client, body: str) -> None:
    assert post(client, body).json() == json.loads(body)


def test_a_body_over_the_cap_answers_413_and_a_view_may_allow_more(client: Client) -> None:
    body = json.dumps({"text": "x" * 500_000})
    problem(post(client, body), "body-too-large")
    assert post(client, body, to="roomy").status_code == 200
    problem(post(client, json.dumps("x" * 600_000), to="roomy"), "body-too-large")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_another_content_type_answers_415(client: Client, content_type: str) -> None:
    problem(post(client, "title=x", content_type), "unsupported-media-type")


def test_method_not_allowed_lists_the_allowed_ones(client: Client) -> None:
    response = client.delete("/api/v1/test/echo/")
    problem(response, "method-not-allowed")
    assert "POST" in response["Allow"]


def test_an_unacceptable_format_answers_406(client: Client) -> None:
    problem(client.get("/api/v1/test/fail/otp/", headers={"Accept": "text/csv"}), "not-acceptable")


def test_a_format_in_the_query_is_no_choice_of_ours(client: Client) -> None:
    document = problem(client.get("/api/v1/test/fail/otp/?format=xml"), "validation-error")
    assert document["errors"][0]["parameter"] == "format"


def test_without_a_token_401_names_the_scheme(client: Client) -> None:
    response = client.get("/api/v1/test/private/")
    problem(response, "not-authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_token_answers_401(client: Client) -> None:
    for value in ("Bearer nonsense", "Bearer ", "Bearer \xff", "Bearer a.b.c"):
        response = client.get("/api/v1/test/private/", headers={"Authorization": value})
        problem(response, "token-invalid")
        assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("kind", "seconds"), [("throttled", 30), ("codes", 17), ("database", 5)])
def test_an_answer_for_the_moment_says_when_to_come_back(
    client: Client, kind: str, seconds: int
) -> None:
    response = client.get(f"/api/v1/test/fail/{kind}/")
    assert response["Retry-After"] == str(seconds)
    assert response.json()["retry_after"] == seconds


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/", "/api/v2/reports/", "/api/v1/reports/not-a-uuid/"]
)
def test_an_unknown_address_answers_404(
    client: Client, settings: Any, path: str, debug: bool
) -> None:
    settings.DEBUG = debug
    for method in (client.get, client.post):
        problem(method(path), "not-found")


@pytest.mark.parametrize("debug", [False, True])
def test_a_crash_answers_500_without_its_secret(client: Client, settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    response = client.get("/api/v1/test/fail/crash/", headers={"X-Request-ID": "request-42"})
    document = problem(response, "internal-error")
    assert document["request_id"] == response["X-Request-ID"] == "request-42"
    assert b"secret" not in response.content


def test_a_crash_outside_the_api_is_no_problem_document(client: Client) -> None:
    assert client.get("/nothing").headers["Content-Type"].startswith("text/html")


@pytest.mark.django_db
def test_a_database_error_answers_500(client: Client) -> None:
    problem(client.get("/api/v1/test/database/"), "internal-error")


@pytest.mark.parametrize(
    "path", ["/api/v1/test/raw/?status=%00", "/api/v1/test/raw/%00", "/api/v1/health/?x=a%00b"]
)
def test_nul_in_an_address_answers_400(client: Client, path: str) -> None:
    problem(client.get(path), "bad-request")


def test_a_refused_host_answers_400(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["city.example"]
    response = client.get("/api/v1/categories/", headers={"Host": "evil.example"})
    problem(response, "bad-request")


@pytest.mark.parametrize(
    "path", ["/api/v1/test/echo", "/api/v1/test/echo/", "/api/v1/test/bare", "/api/v1/test/bare/"]
)
def test_a_trailing_slash_is_optional_for_every_method(client: Client, path: str) -> None:
    assert client.post(path, {"title": "x"}, content_type="application/json").status_code == 201
    assert client.get(path).status_code == 405
    assert client.options(path).status_code == 200


def test_two_slashes_are_an_unknown_address(client: Client) -> None:
    problem(client.get("/api/v1/test/echo//"), "not-found")


def test_every_problem_type_has_its_page(client: Client) -> None:
    assert client.get("/problems").status_code == client.get("/problems/").status_code == 200
    for problem_type in PROBLEM_TYPES.values():
        page = client.get(problem_type.uri)
        assert page.status_code == 200
        assert problem_type.uri in page.content.decode()
    assert client.get("/problems/unheard-of").status_code == 404
