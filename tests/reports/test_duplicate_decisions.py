"""Decisions about duplicates in the API and at the desk."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import User
from reports.duplicates import suggesting
from reports.models import (
    DuplicatePair,
)
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_clerk,
    make_department,
    make_report,
    make_staff,
    stored_pair,
)

State = DuplicatePair.State
REPORTS = "/api/v1/reports/"

pytestmark = pytest.mark.django_db


def test_staff_see_and_decide_by_the_api(as_user: SignIn) -> None:
    first, second = make_report(), make_report()
    suggesting.suggest(str(second.pk))
    client, url = as_user(make_clerk()), f"{REPORTS}{second.pk}/"
    [shown] = client.get(f"{url}duplicates/").data
    assert shown["reports"] == [str(first.pk), str(second.pk)]
    assert shown["reasons"]
    body = {"other": str(first.pk)}
    for step, state in [
        ("merge", "merged"),
        ("undo-duplicate", "suggested"),
        ("refuse-duplicate", "refused"),
    ]:
        answer = client.post(f"{url}{step}/", body)
        assert (answer.status_code, answer.data["state"]) == (200, state)
    assert client.post(f"{url}merge/", body).status_code == 409
    assert client.post(f"{url}merge/", {}).status_code == 400
    assert client.post(f"{url}merge/", {"other": str(uuid4())}).status_code == 404


def test_a_report_that_one_may_not_read_takes_no_duplicate(as_user: SignIn) -> None:
    hidden = make_report(department=make_department("parks"), published_at=None)
    answer = as_user(make_clerk()).post(
        f"{REPORTS}{make_report().pk}/merge/", {"other": str(hidden.pk)}
    )
    assert answer.status_code == 404


def desk_client(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


PAIRS = "admin:reports_duplicatepair_changelist"


@pytest.mark.parametrize(("action", "state"), [("merge", State.MERGED), ("refuse", State.REFUSED)])
def test_the_desk_lists_suggestions_and_decides(action: str, state: str) -> None:
    first, second = make_report(), make_report(title="<b>Deep hole</b>")
    suggesting.suggest(str(second.pk))
    client = desk_client(make_clerk())
    page = client.get(reverse(PAIRS)).content.decode()
    assert "Both speak of pothole." in page
    assert "<b>Deep" not in page
    for chosen, expected in [(action, state), ("undo", State.SUGGESTED), ("undo", State.SUGGESTED)]:
        answer = client.post(
            reverse(PAIRS), {"action": chosen, "_selected_action": [str(stored_pair().pk)]}
        )
        assert stored_pair().state == expected
    assert "Nothing was decided" in str(list(get_messages(answer.wsgi_request))[-1])
    assert first.title in page


def test_the_desk_shows_no_pair_of_another_department() -> None:
    make_report(published_at=None)
    suggesting.suggest(str(make_report(published_at=None).pk))
    other = desk_client(make_staff(make_department("parks")))
    assert "Both speak" not in other.get(reverse(PAIRS)).content.decode()
    other.post(reverse(PAIRS), {"action": "merge", "_selected_action": [str(stored_pair().pk)]})
    assert stored_pair().state == State.SUGGESTED


def test_staff_of_the_earlier_reports_department_cannot_merge_the_later_one() -> None:
    make_report(department=make_department("parks"))
    suggesting.suggest(str(make_report().pk))
    parks = desk_client(make_staff(make_department("parks")))
    parks.post(reverse(PAIRS), {"action": "merge", "_selected_action": [str(stored_pair().pk)]})
    assert stored_pair().state == State.SUGGESTED
