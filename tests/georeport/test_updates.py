"""Updates of requests, as mySociety extends the protocol."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from georeport.models import SentUpdate
from jobs.ledger import database
from reports.models import Comment, ModerationCase, Report, StatusChange
from tests.georeport.asking import get, make_key, post, refusals
from tests.reports.factories import make_category, make_comment, make_report

pytestmark = pytest.mark.django_db

TEST = "/open311/test/v2"


@pytest.fixture
def report() -> Report:
    return make_report(category=make_category())


def step(report: Report, to: str, note: str = "", **fields: Any) -> StatusChange:
    values = {"from_status": "triaged", "at": database.now()} | fields
    return StatusChange.objects.create(report=report, to_status=to, note=note, **values)


def listed(query: str = "") -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = get(f"servicerequestupdates.json?{query}").json()
    return shown


def test_steps_and_comments_are_updates_and_nothing_internal_is(report: Report) -> None:
    now = database.now()
    begun = step(report, "in_progress", "We come.", at=now - timedelta(hours=3))
    comment = make_comment(report, published_at=now - timedelta(hours=2))
    ended = step(report, "resolved", "Secret.", is_internal=True, at=now - timedelta(hours=1))
    step(report, "resolved", "A note.", is_internal=True, from_status="resolved")
    make_comment(report, published_at=None)
    make_comment(report, deleted_at=now)
    step(make_report(category=make_category(), published_at=None), "resolved")
    updates = listed()
    assert [(one["update_id"], one["status"], one["description"]) for one in updates] == [
        (f"s{ended.pk}", "closed", None),
        (f"c{comment.pk}", "open", "It is still there."),
        (f"s{begun.pk}", "open", "We come."),
    ]
    assert list(updates[0]) == [
        "update_id", "service_request_id", "status", "updated_datetime", "description",
        "media_url",
    ]  # fmt: skip
    root = ET.fromstring(get("servicerequestupdates.xml").content)
    assert root.tag == "service_request_updates"
    assert [one.tag for one in root] == ["request_update"] * 3
    first = (now - timedelta(hours=2, minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [one["update_id"] for one in listed(f"start_date={first}&page_size=1&page=2")] == [
        f"c{comment.pk}"
    ]
    assert listed("service_request_id=nothing") == []
    assert len(listed(f"service_request_id={report.pk}")) == 3
    assert refusals(get("servicerequestupdates.xml?start_date=x"))[0][0] == 400


def test_pages_of_updates_of_one_moment_have_each_of_them_once(report: Report) -> None:
    at = database.now() - timedelta(hours=1)
    for number in (8, 9, 10, 11):
        step(report, "in_progress", id=number, at=at)
    make_comment(report, published_at=at)
    one_by_one = [listed(f"page_size=1&page={page}")[0]["update_id"] for page in range(1, 6)]
    assert one_by_one == [one["update_id"] for one in listed()]
    assert one_by_one[:4] == ["s11", "s10", "s9", "s8"]


def test_an_update_is_a_comment(report: Report) -> None:
    form: dict[str, Any] = {
        "api_key": make_key(),
        "service_request_id": str(report.pk),
        "account_id": "77",
        "status": "CLOSED",
    }
    for base in (TEST, "/open311/v2", "/open311/v2"):  # what comes again is the same
        answer = post("servicerequestupdates.xml", base, **form, description="Seen & <gone>.")
        assert answer.status_code == 201
    comment = Comment.objects.get()
    [update] = ET.fromstring(answer.content)
    assert (update.tag, update.findtext("update_id")) == ("request_update", f"c{comment.pk}")
    assert (comment.author, comment.is_by_holder, comment.text) == (None, False, "Seen & <gone>.")
    assert [one["description"] for one in listed()] == ["Seen & <gone>."]
    report.refresh_from_db()
    assert report.status == "triaged"


def test_an_update_is_taken_for_another_only_if_the_same_person_repeats_it(
    report: Report, settings: Any
) -> None:
    settings.COMMENTS_EQUAL_TEXTS_PER_DAY = 20
    key, other_key = make_key(is_vouched_for=False), make_key()
    other = make_report(category=make_category())

    def update(api_key: str, *, once: str = "", to: Report = report, **fields: Any) -> Any:
        values = {"service_request_id": str(to.pk), "description": "Still there."} | fields
        headers = {"Idempotency-Key": once} if once else {}
        return post("servicerequestupdates.json", headers=headers, api_key=api_key, **values)

    def sent(*args: Any, **fields: Any) -> str:
        answer = update(*args, **fields)
        assert answer.status_code == 201, answer.content
        return str(answer.json()[0]["update_id"])

    first = sent(key, email="a@example.org")  # which waits for moderation
    once = sent(key, once="abc")
    others = [
        sent(other_key, email="a@example.org"),
        sent(key, email="b@example.org"),
        sent(key, email="a@example.org", to=other),
        sent(key, email="a@example.org", description="Gone."),
        sent(key),
        sent(key),
        sent(key, once="abd"),
        sent(key, email="a@example.org", update_id="5"),
        sent(key, update_id="6"),
        sent(key, update_id_ext="7"),
        sent(other_key, once="abc"),
    ]
    assert len({first, once, *others}) == 13
    assert (sent(key, email="a@example.org"), sent(key, once="abc")) == (first, once)
    for changed in ({"description": "Gone."}, {"to": other}):
        assert "Idempotency-Key" in refusals(update(key, once="abc", **changed))[0][1]
    SentUpdate.objects.update(created_at=database.now() - timedelta(days=1))
    assert sent(key, email="a@example.org") != first
    assert sent(key, once="abc") == once
    assert sent(key, update_id="6") == others[-3]


def test_an_update_that_must_wait_is_not_shown(report: Report) -> None:
    key = make_key(is_vouched_for=False)
    form: dict[str, Any] = {
        "api_key": key,
        "service_request_id": str(report.pk),
        "description": "Seen.",
    }
    assert post("servicerequestupdates.json", **form).status_code == 201
    assert listed() == []
    assert ModerationCase.objects.waiting().count() == 1


def test_what_is_not_valid_is_refused(report: Report) -> None:
    hidden = make_report(category=make_category(), published_at=None)
    form: dict[str, Any] = {
        "api_key": make_key(),
        "service_request_id": str(report.pk),
        "description": "Seen.",
    }
    for fields, status in [
        ({"api_key": ""}, 403),
        ({"api_key": make_key(may_update=False)}, 403),
        ({"service_request_id": ""}, 400),
        ({"service_request_id": "nothing"}, 404),
        ({"service_request_id": str(hidden.pk)}, 404),
        ({"description": ""}, 400),
        ({"description": "x" * 4001}, 400),
        ({"description": "a\x00b"}, 400),
        ({"description": "\u200b"}, 400),
    ]:
        answer = post("servicerequestupdates.json", **(form | fields))
        assert (answer.status_code, refusals(answer)[0][0]) == (status, status), fields
    assert not Comment.objects.exists()
