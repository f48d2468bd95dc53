"""Servers that send posts themselves: each request is signed, fresh, and taken once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from jobs.models import Task
from jobs.urgency import Urgency
from reports.collection.signatures import sign
from reports.models import Post, PostRaw, Source, SourceKind
from tests.reports.collecting import make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Source:
    return make_source(SourceKind.WEBHOOK, name="Radio")


def post(**more: Any) -> dict[str, Any]:
    return {"id": "1", "text": "The street is dark, says @maria."} | more


def send(
    source: Source, *posts: dict[str, Any], at: float | None = None, headers: Any = None
) -> tuple[int, Any]:
    """Send posts, signed, at a time; headers win."""
    body = json.dumps({"posts": posts}).encode()
    timestamp = str(int(time.time() if at is None else at))
    signature = sign(source.webhook_secret(), timestamp, body)
    own = {"X-CivicLens-Timestamp": timestamp, "X-CivicLens-Signature": signature}
    answer = Client().post(
        reverse("webhook", args=[source.pk]),
        body,
        content_type="application/json",
        headers=own | (headers or {}),
    )
    return answer.status_code, answer.json()


def test_a_signed_request_is_taken(source: Source) -> None:
    status, counts = send(source, post(author="maria", latitude=41.3, longitude=-72.9))
    assert (status, counts) == (202, {"new": 1, "edited": 0, "deleted": 0, "too_old": 0})
    stored = Post.objects.get()
    assert (stored.latitude, stored.precision, stored.source) == (41.3, "exact", source)
    assert "maria" not in stored.text
    assert PostRaw.objects.get().content["text"] == "The street is dark, says @maria."
    assert Task.objects.get(actor="analyse_posts").urgency == Urgency.BULK


def test_posts_are_edited_and_deleted_by_their_ids(source: Source) -> None:
    send(source, post(), post(id="2", text="Deep hole"))
    status, counts = send(source, post(text="It is light again."), post(id="2", is_deleted=True))
    assert (status, counts) == (202, {"new": 0, "edited": 1, "deleted": 1, "too_old": 0})
    status, counts = send(source, post(text="It is light again."), post(id="3", is_deleted=True))
    assert (status, counts) == (202, {"new": 0, "edited": 0, "deleted": 0, "too_old": 0})


def test_a_request_is_taken_once(source: Source) -> None:
    now = time.time()
    assert send(source, post(), at=now)[0] == 202
    status, problem = send(source, post(), at=now)
    assert (status, problem["type"]) == (409, "/problems/conflict")
    assert Post.objects.count() == 1
    assert send(source, post(), at=now + 1)[0] == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"X-CivicLens-Signature": "0" * 64},
        {"X-CivicLens-Signature": ""},
        {"X-CivicLens-Signature": "ü"},
        {"X-CivicLens-Timestamp": ""},
        {"X-CivicLens-Timestamp": "1"},
    ],
)
def test_another_signature_is_refused(source: Source, headers: dict[str, str]) -> None:
    assert send(source, post(), headers=headers)[0] == 401
    assert not Post.objects.exists()


@pytest.mark.parametrize("seconds", [-301, 302])
def test_a_signature_of_another_time_is_refused(source: Source, seconds: int) -> None:
    assert send(source, post(), at=time.time() + seconds)[0] == 401


def test_a_source_that_is_off_or_has_another_secret_takes_nothing(source: Source) -> None:
    assert send(Source(pk=source.pk, key_version=2), post())[0] == 401
    Source.objects.update(is_enabled=False)
    assert send(source, post())[0] == 401
    assert send(make_source(SourceKind.FEED, "https://a.example"), post())[0] == 401


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (post(text=""), "text"),
        (post(text=7), "text"),
        (post(id=""), "id"),
        (post(latitude=41.3), "longitude"),
        (post(latitude=91, longitude=0), "latitude"),
        (post(posted_at="yesterday"), "posted_at"),
    ],
)
def test_a_post_that_makes_no_sense_is_named(
    source: Source, sent: dict[str, Any], field: str
) -> None:
    status, problem = send(source, sent)
    assert status == 400
    assert field in json.dumps(problem["errors"])
    assert not Post.objects.exists()


def test_a_request_without_posts_or_with_too_many_is_refused(source: Source) -> None:
    assert send(source)[0] == 400
    assert send(source, *(post(id=str(n)) for n in range(101)))[0] == 400
