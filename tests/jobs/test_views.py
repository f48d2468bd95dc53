"""The API of jobs, as owners, others and nobody."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from django.db import connection
from rest_framework.test import APIClient

import tests.jobs.job_types  # noqa: F401 - registers them
from accounts.models import AuditEvent, User
from jobs.http import waiting
from jobs.ledger import transitions
from jobs.models import Task
from jobs.states import State
from jobs.testing import run_tasks

pytestmark = pytest.mark.django_db

BODY = {"job_type": "tests.sum", "payload": {"numbers": [1, 2, 3]}}
NOBODYS = "01a20142-e08d-77b6-a29a-1efd9743bdeb"
_numbers = iter(range(100, 1000))


def sign_in(**fields: Any) -> APIClient:
    client = APIClient()
    client.user = User.objects.create_user(f"+12035551{next(_numbers)}", **fields)  # type: ignore[attr-defined]
    client.force_authenticate(client.user)  # type: ignore[attr-defined]
    return client


@pytest.fixture
def citizen() -> APIClient:
    return sign_in()


def create(client: APIClient, **changes: Any) -> Any:
    return client.post("/api/v1/jobs/", BODY | changes)


def job_url(client: APIClient, **payload: Any) -> str:
    return str(create(client, payload={"numbers": [1, 2, 3]} | payload).json()["status_url"])


def test_starting_answers_202_with_where_to_look(citizen: APIClient) -> None:
    response = create(citizen)
    assert response.status_code == 202
    job = response.json()
    assert (job["job_type"], job["state"]) == ("tests.sum", "queued")
    assert job["created_at"]
    assert response["Location"] == job["status_url"] == f"/api/v1/jobs/{job['id']}/"
    assert int(response["Retry-After"]) >= 1
    assert citizen.get(response["Location"]).json()["state"] == "queued"


def test_a_job_is_followed_from_start_to_result(citizen: APIClient) -> None:
    url = job_url(citizen, since="2026-01-31")
    waiting_job = citizen.get(url)
    assert waiting_job["Retry-After"]
    assert waiting_job.json()["progress"] == {"fraction": 0.0, "stage": "", "counts": {}}
    run_tasks()
    response = citizen.get(url)
    job = response.json()
    assert "Retry-After" not in response
    assert (job["state"], job["attempts"], job["problem"]) == ("succeeded", 1, None)
    assert job["result"] == {"total": 6}, "only what the result serializer names"
    assert job["progress"] == {
        "fraction": 1.0,
        "stage": "adding",
        "counts": {"done": 1, "total": 2},
    }
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]


@pytest.mark.parametrize("mode", ["fail", "refuse"])
def test_a_dead_job_tells_a_problem_without_internals(citizen: APIClient, mode: str) -> None:
    url = job_url(citizen, mode=mode)
    run_tasks(raise_errors=False, until_delay=False)
    response = citizen.get(url)
    job = response.json()
    assert (job["state"], job["result"]) == ("dead", None)
    assert (job["problem"]["type"], job["problem"]["status"]) == ("/problems/job-failed", 500)
    assert job["problem"]["instance"] == url
    for internal in (b"hunter2", b"secret reason", b"RuntimeError", b"Traceback"):
        assert internal not in response.content
    assert citizen.get("/problems/job-failed").status_code == 200


def test_a_job_that_cannot_be_computed_says_why(citizen: APIClient) -> None:
    url = job_url(citizen, mode="explain")
    run_tasks(raise_errors=False, until_delay=False)
    job = citizen.get(url).json()
    assert (job["state"], job["attempts"]) == ("dead", 1)
    assert (job["problem"]["type"], job["problem"]["status"]) == (
        "/problems/job-not-computable",
        422,
    )
    assert job["problem"]["detail"] == "There are too few numbers: 1, of 2 that are needed."
    assert citizen.get("/problems/job-not-computable").status_code == 200


def test_an_unknown_type_lists_what_exists(citizen: APIClient) -> None:
    response = create(citizen, job_type="nonsense")
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["field"] == "job_type"
    assert "tests.sum" in error["detail"]
    assert "reports.hotspots" in error["detail"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"job_type"}),
        ({"job_type": "tests.sum"}, {"payload.numbers"}),
        (
            {"job_type": "tests.sum", "payload": {"numbers": ["x"], "mode": "loud"}},
            {"payload.numbers.0", "payload.mode"},
        ),
        ({"job_type": "tests.sum", "payload": [1]}, {"payload"}),
        ({"job_type": "tests.sum", "payload": None}, {"payload"}),
        ({"job_type": ["tests.sum"], "payload": {}}, {"job_type"}),
        ({"job_type": "tests.sum", "payload": {"numbers": []}, "notify": "perhaps"}, {"notify"}),
        ({"job_type": "tests.sum", "payload": {"numbers": []}, "notify": "yes"}, {"notify"}),
        ({"job_type": "tests.sum", "payload": {"numbers": [1]}, "notfy": True}, {"notfy"}),
    ],
)
def test_a_bad_body_names_each_field(citizen: APIClient, body: Any, fields: set[str]) -> None:
    response = citizen.post("/api/v1/jobs/", body)
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == fields
    assert not Task.objects.exists()


def test_a_payload_with_a_field_too_many_is_told_those_there_are(citizen: APIClient) -> None:
    response = create(citizen, payload={"numbers": [1], "mod": "plain", "Sinc/e": 1})
    assert response.status_code == 400
    errors = {error["pointer"]: error for error in response.json()["errors"]}
    assert set(errors) == {"#/payload/mod", "#/payload/Sinc~1e"}
    assert errors["#/payload/mod"]["code"] == "unknown"
    assert (
        errors["#/payload/mod"]["detail"] == "Unknown field. Expected one of: mode, numbers, since."
    )
    assert not Task.objects.exists()
    body = {"job_type": "tests.staff_only", "payload": {"x": 1}}
    response = sign_in(is_staff=True).post("/api/v1/jobs/", body)
    assert "None is expected." in response.json()["errors"][0]["detail"]


def test_a_type_may_ask_for_a_permission(citizen: APIClient) -> None:
    body = {"job_type": "tests.staff_only"}
    assert citizen.post("/api/v1/jobs/", body).status_code == 403
    wrong = body | {"payload": {"unknown": 1}}
    assert citizen.post("/api/v1/jobs/", wrong).status_code == 403, "no payload is looked at"
    assert sign_in(is_staff=True).post("/api/v1/jobs/", wrong).status_code == 400
    assert sign_in(is_staff=True).post("/api/v1/jobs/", body).status_code == 202


def test_the_types_one_may_start_are_listed_with_their_schemas(citizen: APIClient) -> None:
    offered = {known["job_type"]: known for known in citizen.get("/api/v1/job-types/").json()}
    assert "tests.staff_only" not in offered
    assert offered["tests.sum"]["description"] == "Add numbers up."
    assert offered["tests.sum"]["limits"] == {"active_per_user": 2, "per_hour": 4}
    assert offered["tests.sum"]["payload"]["required"] == ["numbers"]
    assert offered["tests.sum"]["payload"]["properties"]["numbers"]["maxItems"] == 5
    assert "total" in offered["tests.sum"]["result"]["properties"]


@pytest.mark.parametrize(
    ("payload", "is_valid"),
    [
        ({"bbox": [-73, 41.2, -72.8, 41.4]}, True),
        (
            {"bbox": [-73, 41.2, -72.8, 41.4], "cell_meters": 100, "since": "2026-01-01T00:00:00Z"},
            True,
        ),
        ({"bbox": ["-73", "41.2", "-72.8", "41.4"]}, False),
        ({"bbox": [-181, 41.2, -72.8, 41.4]}, False),
        ({"bbox": [-73, 41.2, -72.8]}, False),
        ({"bbox": [-73, 41.2, -72.8, 41.4], "cell_meters": "x"}, False),
        ({"bbox": [-73, 41.2, -72.8, 41.4], "categry": "pothole"}, False),
        ({}, False),
    ],
)
def test_the_schema_of_a_payload_takes_what_the_server_takes(
    citizen: APIClient, payload: dict[str, Any], is_valid: bool
) -> None:
    offered = {known["job_type"]: known for known in citizen.get("/api/v1/job-types/").json()}
    schema = offered["reports.hotspots"]["payload"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(payload) is is_valid
    response = citizen.post("/api/v1/jobs/", {"job_type": "reports.hotspots", "payload": payload})
    assert (response.status_code == 202) is is_valid


def test_the_schema_of_a_result_takes_null_where_one_may_come(citizen: APIClient) -> None:
    offered = {known["job_type"]: known for known in citizen.get("/api/v1/job-types/").json()}
    hotspot = {
        "count": 3,
        "latitude": 41.3,
        "longitude": -72.9,
        "radius_meters": 9,
        "top_category": None,
    }
    result = {"reports": 3, "hotspots": [hotspot]}
    assert jsonschema.Draft202012Validator(offered["reports.hotspots"]["result"]).is_valid(result)


def test_limits_answer_409_and_429(citizen: APIClient) -> None:
    urls = [job_url(citizen), job_url(citizen)]
    refused = create(citizen)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-many-active-jobs")
    assert refused["Retry-After"]
    for url in urls:
        citizen.post(url + "cancel")
    for _ in range(2):
        citizen.post(job_url(citizen) + "cancel")
    refused = create(citizen)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-requests")
    assert 3000 < int(refused["Retry-After"]) <= 3601


def test_a_repeated_start_has_one_effect(citizen: APIClient) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    first = citizen.post("/api/v1/jobs/", BODY, headers=headers)
    again = citizen.post("/api/v1/jobs/", BODY, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    assert again["Location"] == first["Location"]
    assert Task.objects.count() == 1
    other = citizen.post("/api/v1/jobs/", BODY | {"notify": True}, headers=headers)
    assert other.status_code == 422


def test_jobs_are_seen_by_their_owner_and_superusers_alone(citizen: APIClient) -> None:
    url = job_url(citizen)
    superuser = sign_in(is_staff=True, is_superuser=True)
    for other in (sign_in(), sign_in(is_staff=True), sign_in(is_superuser=True)):
        assert other.get(url).status_code == 404
        assert other.get(url + "?wait=5").status_code == 404
        assert other.post(url + "cancel/").status_code == 404
        assert other.get("/api/v1/jobs/").json()["results"] == []
    assert superuser.get(url).status_code == 200
    assert len(superuser.get("/api/v1/jobs/").json()["results"]) == 1
    assert superuser.post(url + "cancel").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "jobs/"),
        ("post", "jobs/"),
        ("get", f"jobs/{NOBODYS}/"),
        ("post", f"jobs/{NOBODYS}/cancel/"),
        ("get", "job-types/"),
    ],
)
def test_nobody_is_asked_to_sign_in(method: str, path: str) -> None:
    for address in (path, path.rstrip("/")):
        response = getattr(APIClient(), method)(
            f"/api/v1/{address}", BODY if method == "post" else None
        )
        assert response.status_code == 401


def test_a_task_that_is_no_job_is_not_shown(citizen: APIClient) -> None:
    url = job_url(citizen)
    Task.objects.update(job_type="")
    assert citizen.get(url).status_code == 404
    assert citizen.get("/api/v1/jobs/").json()["results"] == []


def test_unknown_and_malformed_ids_answer_404(citizen: APIClient) -> None:
    for name in (NOBODYS, "nonsense", "matches"):
        response = citizen.get(f"/api/v1/jobs/{name}/")
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"


def test_the_list_pages_and_filters(citizen: APIClient) -> None:
    first, second = job_url(citizen), job_url(citizen)
    citizen.post(first + "cancel")
    page = citizen.get("/api/v1/jobs/?page_size=1").json()
    assert [job["status_url"] for job in page["results"]] == [second]
    assert [job["status_url"] for job in citizen.get(page["next"]).json()["results"]] == [first]
    for query, expected in [
        ("state=cancelled", [first]),
        ("state=queued&job_type=tests.sum", [second]),
        ("job_type=tests.bulk", []),
    ]:
        listed = citizen.get(f"/api/v1/jobs/?{query}").json()["results"]
        assert [job["status_url"] for job in listed] == expected
    refused = citizen.get("/api/v1/jobs/?state=sleeping")
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (400, "state")


def test_an_unchanged_job_answers_304(citizen: APIClient) -> None:
    url = job_url(citizen)
    tag = citizen.get(url)["ETag"]
    unchanged = citizen.get(url, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged["Retry-After"]) == (304, "2")
    run_tasks()
    assert citizen.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_a_waiting_job_is_cancelled_at_once(citizen: APIClient) -> None:
    url = job_url(citizen)
    response = citizen.post(url + "cancel")
    assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    assert response.json()["problem"]["type"] == "/problems/job-cancelled"
    assert citizen.post(url + "cancel/").status_code == 200, "cancelling twice does no harm"
    assert run_tasks() == 0
    event = AuditEvent.objects.get(event="task.cancelled")
    assert event.actor_id == citizen.user.pk  # type: ignore[attr-defined]


def test_a_running_job_is_asked_to_stop(citizen: APIClient) -> None:
    url = job_url(citizen)
    job = Task.objects.get()
    claim = transitions.claim(job.pk, uuid4(), uuid4())
    assert claim is not None
    response = citizen.post(url + "cancel")
    assert (response.status_code, response.json()["state"]) == (202, "running")
    assert response.json()["cancel_requested_at"]
    assert transitions.report_progress(claim, {"fraction": 0.1}) is True


@pytest.mark.parametrize("mode", ["plain", "refuse"])
def test_an_ended_job_cannot_be_cancelled(citizen: APIClient, mode: str) -> None:
    url = job_url(citizen, mode=mode)
    run_tasks(raise_errors=False)
    response = citizen.post(url + "cancel")
    assert (response.status_code, response.json()["type"]) == (409, "/problems/conflict")


@pytest.mark.parametrize("wait", ["-1", "soon", "1.5", "nan", "26", "1_0", ""])
def test_a_bad_wait_answers_400(citizen: APIClient, wait: str) -> None:
    assert citizen.get(f"{job_url(citizen)}?wait={wait}").status_code == 400


def test_waiting_is_bounded(citizen: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAIT_MAXIMUM_SECONDS", 0.3)
    started = time.monotonic()
    response = citizen.get(f"{job_url(citizen)}?wait=25")
    assert (response.status_code, response.json()["state"]) == (200, "queued")
    assert 0.3 <= time.monotonic() - started < 10


@pytest.mark.django_db(transaction=True)
def test_a_waiter_wakes_soon_after_the_end(citizen: APIClient) -> None:
    url = job_url(citizen)

    def wait() -> tuple[Any, float]:
        try:
            response = citizen.get(f"{url}?wait=20")
            return response, time.monotonic()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(wait)
        time.sleep(0.8)
        run_tasks()
        ended = time.monotonic()
        response, woken = waiter.result()
    assert response.json()["state"] == "succeeded"
    assert woken - ended < 10, "it slept to the end of its wait"


@pytest.mark.django_db(transaction=True)
def test_a_waiter_holds_no_connection(citizen: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    job_url(citizen)
    job = Task.objects.get()
    held: list[bool] = []
    sleeping = threading.Event()

    def sleep(_seconds: float) -> None:
        held.append(connection.connection is not None)
        sleeping.set()
        Task.objects.update(state=State.CANCELLED)

    monkeypatch.setattr(waiting.time, "sleep", sleep)  # type: ignore[attr-defined]
    waiting._wait(job.pk, 5)
    assert sleeping.is_set()
    assert held == [False]
