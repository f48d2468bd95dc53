"""One Idempotency-Key, one effect, one answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.models import F
from django.test import Client

from accounts.models import User
from jobs.ledger.database import fetch
from jobs.models import IdempotencyKey, RateLimit
from jobs.worker import retention
from tests.jobs.idempotent_views import during

pytestmark = [pytest.mark.urls("tests.jobs.idempotent_views"), pytest.mark.pooled]

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


@pytest.fixture(autouse=True)
def _nothing_special_happens() -> Iterator[None]:
    yield
    during.clear()


def post(to: str = "things", key: str | None = KEY, user: User | None = None, **body: Any) -> Any:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(
        f"/api/v1/{to}/",
        body or {"title": "hole"},
        content_type="application/json",
        headers=headers,
    )


def in_thread(call: Callable[[], Any]) -> Any:
    try:
        return call()
    finally:
        connection.close()


def things() -> int:
    return RateLimit.objects.count()


@pytest.mark.django_db
def test_a_repetition_gets_the_first_answer_and_has_no_effect() -> None:
    first = post()
    again = post()
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"]
    assert again["Location"] == first["Location"]
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert things() == 1


@pytest.mark.django_db
def test_without_the_header_every_request_has_its_effect() -> None:
    assert post(key=None).status_code == post(key=None).status_code == 201
    assert things() == 2
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
def test_another_body_with_the_same_key_answers_422() -> None:
    post(title="hole")
    response = post(title="lamp")
    assert response.status_code == 422
    assert response.json()["type"] == "/problems/idempotency-key-reused"
    assert things() == 1


@pytest.mark.django_db
def test_another_address_with_the_same_key_answers_422() -> None:
    post()
    assert post(to="empty", title="hole").status_code == 422


@pytest.mark.django_db
def test_white_space_order_and_the_slash_make_no_other_request() -> None:
    first = post(title="hole", size=1)
    headers = {"Idempotency-Key": f'"{KEY}"'}
    body = '{ "size": 1,\n "title": "hole" }'
    again = Client().post("/api/v1/things", body, content_type="application/json", headers=headers)
    assert again.content == first.content
    assert things() == 1


@pytest.mark.django_db
def test_an_answer_without_a_body_is_replayed() -> None:
    assert post(to="empty").status_code == 204
    again = post(to="empty")
    assert (again.status_code, again.content, again["Idempotency-Replayed"]) == (204, b"", "true")
    assert things() == 1


@pytest.mark.django_db
def test_users_have_keys_of_their_own() -> None:
    ada = User.objects.create_user("+12025550101")
    bob = User.objects.create_user("+12025550102")
    answers = {post(user=user).content for user in (ada, bob, None, ada)}
    assert len(answers) == things() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a" * 256, "a\tb", "clé", "\x7f"])
def test_a_key_that_is_none_answers_400(key: str) -> None:
    response = post(key=key)
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/idempotency-key-invalid"
    assert things() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["1", "a" * 255, "a b~!"])
def test_a_printable_key_is_taken(key: str) -> None:
    assert post(key=key).status_code == 201
    assert post(key=key)["Idempotency-Replayed"] == "true"


@pytest.mark.django_db
def test_a_malformed_body_answers_400() -> None:
    headers = {"Idempotency-Key": KEY}
    response = Client().post(
        "/api/v1/things/", "{", content_type="application/json", headers=headers
    )
    assert response.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_refused_request_keeps_what_it_committed_and_frees_the_key() -> None:
    assert post(to="attempts").status_code == 400
    assert post(to="attempts").status_code == 400
    assert things() == 2
    assert not IdempotencyKey.objects.exists()
    assert post().status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_5xx_commits_nothing_and_frees_the_key() -> None:
    assert post(to="broken").status_code == 500
    assert things() == 0
    assert post().status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_crash_commits_nothing_and_frees_the_key() -> None:
    def crash() -> None:
        raise RuntimeError("crash")

    during["hole"] = crash
    assert post().status_code == 500
    assert things() == 0
    during.clear()
    assert post().status_code == 201
    assert things() == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_in_progress_answers_409_to_its_repetition() -> None:
    entered, leave = threading.Event(), threading.Event()

    def linger() -> None:
        entered.set()
        leave.wait(10)

    during["hole"] = linger
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(in_thread, post)
        assert entered.wait(10)
        meanwhile = post()
        other = post(key="another key", title="lamp")
        leave.set()
        assert first.result().status_code == other.status_code == 201
    assert meanwhile.status_code == 409
    assert meanwhile.json()["type"] == "/problems/idempotency-key-in-use"
    assert meanwhile["Retry-After"] == "1"
    assert post().content == first.result().content
    assert things() == 2


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_create_exactly_one() -> None:
    start = threading.Barrier(10)

    def race(_: int) -> Any:
        start.wait()
        return in_thread(post)

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(race, range(10)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert things() == IdempotencyKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_whose_connection_dies_leaves_neither_effect_nor_lock() -> None:
    def die() -> None:
        [(pid,)] = fetch("SELECT pg_backend_pid()", ())
        with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    during["hole"] = die
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(in_thread, post).result().status_code == 503
    during.clear()
    assert things() == 0
    assert post().status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_request_that_hangs_is_given_up_and_frees_the_key(settings: Any) -> None:
    settings.IDEMPOTENCY_LOCK_SECONDS = 1
    during["hole"] = lambda: time.sleep(1.5)
    with ThreadPoolExecutor(1) as threads:
        hung = threads.submit(in_thread, post)
        assert hung.result().status_code == 500
    during.clear()
    assert post().status_code == 201
    assert things() == 1


@pytest.mark.django_db
def test_purge_deletes_what_is_past_its_retention(settings: Any) -> None:
    post(key="old")
    age = timedelta(hours=settings.IDEMPOTENCY_RETENTION_HOURS, minutes=1)
    IdempotencyKey.objects.update(created_at=F("created_at") - age)
    post(key="new")
    assert retention.purge_answers() == 1
    assert [row.key for row in IdempotencyKey.objects.all()] == ["new"]
