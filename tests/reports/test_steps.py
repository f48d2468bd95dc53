"""Steps through the API: what is offered, taken and refused; entity tags; two people at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from jobs.testing import run_tasks
from reports.models import DepartmentMembership, Merge, Report, Status
from reports.routing import assignment
from reports.workflow import transitions
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_crew,
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)

pytestmark = pytest.mark.django_db
URL, NOBODY = "/api/v1/reports/", "01890000-0000-7000-8000-000000000000"


def steps_of(client: APIClient, report: Report, **headers: str) -> list[str]:
    answer = client.get(f"{URL}{report.pk}/steps/", headers=headers)
    assert answer.status_code == 200
    return [one["step"] for one in answer.data["steps"]]


def take(client: APIClient, report: Report, step: str, headers: Any = None, **body: Any) -> Any:
    return client.post(f"{URL}{report.pk}/steps/", {"step": step, **body}, "json", headers=headers)


def manager() -> User:
    user = make_staff(make_department())
    DepartmentMembership.objects.filter(user=user).update(is_manager=True)
    return user


def test_who_is_offered_what(api: APIClient, as_user: SignIn) -> None:
    owner, clerk = make_user(), make_staff(make_department())
    report = make_report(reporter=owner, status=Status.RESOLVED, closed_at=timezone.now())
    assert steps_of(api, report) == []
    assert steps_of(as_user(make_user()), report) == []
    assert steps_of(as_user(make_staff(make_department("parks"))), report) == []
    assert steps_of(as_user(owner), report) == ["confirm", "deny"]
    assert steps_of(as_user(clerk), report) == ["start", "close", "reopen"]


def test_staff_reads_what_a_step_needs_and_who_can_be_assigned(as_user: SignIn) -> None:
    clerk, crew = make_staff(make_department()), make_crew()
    make_crew("Gardeners", make_department("parks"))
    answer = as_user(clerk).get(f"{URL}{make_report().pk}/steps/").data
    by_name = {one["step"]: one for one in answer["steps"]}
    assert by_name["wait"] == {
        "step": "wait",
        "title": "Let it wait",
        "status": "waiting",
        "needs": ["waiting_for", "until"],
        "tells_reporter": True,
    }
    assert [one["id"] for one in answer["people"]] == [str(clerk.pk)]
    assert [one["id"] for one in answer["crews"]] == [crew.pk]


def test_a_clerk_assigns_waits_and_resolves(as_user: SignIn) -> None:
    clerk, crew, report = make_staff(make_department()), make_crew(), make_report()
    client = as_user(clerk)
    answer = take(client, report, "assign", crew=crew.pk)
    assert answer.status_code == 200, answer.data
    assert (answer.data["status"], answer.data["crew"]["name"]) == ("assigned", "First crew")
    answer = take(client, report, "assign", assignee=str(clerk.pk))
    assert (answer.data["assignee"]["id"], answer.data["crew"]) == (str(clerk.pk), None)
    until = (timezone.now() + timedelta(days=3)).isoformat()
    answer = take(client, report, "wait", waiting_for="contractor", until=until)
    assert answer.data["waiting_for"] == "contractor"
    answer = take(client, report, "resolve", note="Filled.")
    assert (answer.data["status"], answer.data["waiting_until"]) == ("resolved", None)
    last = answer.data["history"][-1]
    assert (last["step"], last["by"], last["role"]) == ("resolve", str(clerk), "clerk")
    assert answer.data["responded_at"] is not None


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["step"]),
        ({"step": "fly"}, ["step"]),
        ({"step": "wait"}, ["waiting_for", "until"]),
        ({"step": "wait", "until": "tomorrow"}, ["until"]),
        ({"step": "wait", "waiting_for": "weather", "until": "1999-01-01T00:00:00Z"}, ["until"]),
        ({"step": "assign"}, ["assignee"]),
        ({"step": "assign", "assignee": "x"}, ["assignee"]),
        ({"step": "assign", "assignee": NOBODY}, ["assignee"]),
        ({"step": "assign", "crew": 999}, ["crew"]),
        ({"step": "assign", "crew": True}, ["crew"]),
        ({"step": "reject"}, ["reason"]),
        ({"step": "reject", "reason": "mood"}, ["reason"]),
        ({"step": "hand_over", "department": "parks"}, ["note"]),
        ({"step": "hand_over", "note": "x", "department": "nowhere"}, ["department"]),
        ({"step": "hand_over", "note": "x", "department": "streets"}, ["department"]),
        ({"step": "merge"}, ["original"]),
        ({"step": "merge", "original": NOBODY}, ["original"]),
        ({"step": "resolve", "note": "x" * 3000}, ["note"]),
        ({"step": "resolve", "is_internal": "yes"}, ["is_internal"]),
    ],
    ids=str,
)
def test_what_is_missing_or_wrong_is_named(
    as_user: SignIn, body: dict[str, Any], fields: list[str]
) -> None:
    make_department("parks")
    report, client = make_report(), as_user(make_staff(make_department()))
    answer = client.post(f"{URL}{report.pk}/steps/", body, "json")
    assert answer.status_code == 400, answer.data
    assert [error["field"] for error in answer.data["errors"]] == fields
    assert report.history.count() == 1


def test_a_report_is_assigned_to_a_person_or_a_crew_and_not_to_both(as_user: SignIn) -> None:
    clerk, crew, report = make_staff(make_department()), make_crew(), make_report()
    both = {"assignee": str(clerk.pk), "crew": crew.pk}
    answer = take(as_user(clerk), report, "assign", **both)
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "crew")


def test_who_may_not_take_a_step_is_refused(api: APIClient, as_user: SignIn) -> None:
    report = make_report(reporter=make_user())
    assert take(api, report, "resolve").status_code == 401
    assert take(as_user(make_user()), report, "resolve").status_code == 403
    assert take(as_user(make_staff(make_department("parks"))), report, "resolve").status_code == 403
    owner = as_user(User.objects.get(reports=report))
    assert take(owner, report, "resolve").status_code == 403
    assert take(owner, report, "confirm").status_code == 409
    hidden = make_report(published_at=None)
    assert take(as_user(make_user()), hidden, "resolve").status_code == 404
    assert report.history.count() == 1


def test_a_manager_takes_back_a_rejection_and_a_clerk_does_not(as_user: SignIn) -> None:
    report, clerk = make_report(status=Status.REJECTED), as_user(make_staff(make_department()))
    assert steps_of(clerk, report) == []
    assert take(clerk, report, "restore").status_code == 403
    refused = clerk.post(f"{URL}{report.pk}/status/", {"status": "triaged"})
    assert refused.status_code == 403
    assert "manager of the department" in refused.data["detail"]
    assert take(as_user(manager()), report, "restore").status_code == 200


def test_an_anonymous_reporter_answers_with_the_token(api: APIClient) -> None:
    created = api.post(URL, new_report()).data
    report = Report.objects.get(pk=created["id"])
    assert take(api, report, "withdraw").status_code == 404
    token = {"X-Tracking-Token": created["tracking_token"]}
    assert steps_of(api, report, **token) == ["withdraw"]
    Report.objects.update(status=Status.RESOLVED, closed_at=timezone.now())
    answer = take(api, report, "deny", token, note="Still there.")
    assert (answer.status_code, answer.data["status"]) == (200, "reopened")
    assert answer.data["history"][-1]["role"] == "reporter"


def test_a_duplicate_names_its_original(as_user: SignIn) -> None:
    client = as_user(make_staff(make_department()))
    original, report = make_report(title="First"), make_report()
    answer = take(client, report, "merge", original=str(original.pk))
    assert answer.data["status"] == "duplicate"
    assert Merge.objects.standing().get().original == original
    assert take(client, report, "separate").data["status"] == "triaged"
    assert not Merge.objects.standing().exists()


def test_only_staff_reads_internal_notes_and_who_took_a_step(
    api: APIClient, as_user: SignIn
) -> None:
    report, clerk = make_report(reporter=make_user()), make_staff(make_department())
    client = as_user(clerk)
    take(client, report, "start", note="Mind the dog.", is_internal=True)
    take(client, report, "assign", assignee=str(clerk.pk), note="You know the dog.")
    assignment.revise(Report.objects.get(), {"title": "Hole"}, by=clerk)
    seen = api.get(f"{URL}{report.pk}/").data
    assert [line["status"] for line in seen["history"]] == ["new", "in_progress", "in_progress"]
    assert [line["note"] for line in seen["history"]] == ["", "", "You know the dog."]
    assert {line["by"] for line in seen["history"]} == {None}
    assert seen["assignee"] is None
    lines = client.get(f"{URL}{report.pk}/").data["history"]
    assert lines[1]["note"] == "Mind the dog."
    assert (lines[3]["fields_changed"], lines[3]["by"]) == (["title"], str(clerk))


# --- Entity tags ----------------------------------------------------------------------------------


def test_a_report_that_has_not_changed_is_not_sent_again(api: APIClient, as_user: SignIn) -> None:
    report = make_report()
    address = f"{URL}{report.pk}/"
    tag = api.get(address)["ETag"]
    assert tag.startswith('"1-')
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = api.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert api.get(address, headers={"If-None-Match": '"1-0000000000000000"'}).status_code == 200
    transitions.change_status(report, to="resolved", by=make_staff(make_department()))
    changed = api.get(address, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed["ETag"].startswith('"2-')
    staff = as_user(make_staff(make_department())).get(address)
    assert staff["ETag"] != changed["ETag"], "staff read more, so theirs is another tag"


def test_a_change_of_what_has_changed_meanwhile_is_refused_with_what_was_done(
    as_user: SignIn,
) -> None:
    report = make_report(reporter=make_user())
    first, second = make_staff(make_department()), make_staff(make_department())
    tag = as_user(first).get(f"{URL}{report.pk}/")["ETag"]
    take(as_user(second), report, "start", note="On our way.")
    assignment.revise(Report.objects.get(), {"severity": "high"}, by=second)
    for answer in (
        take(as_user(first), report, "resolve", {"If-Match": tag}),
        as_user(first).post(
            f"{URL}{report.pk}/status/", {"status": "resolved"}, headers={"If-Match": tag}
        ),
    ):
        assert answer.status_code == 412
        assert answer.data["type"] == "/problems/report-changed"
        assert [
            (line["step"], line["fields_changed"], line["by"]) for line in answer.data["changes"]
        ] == [
            ("start", ["responded_at", "status"], str(second)),
            ("", ["severity"], str(second)),
        ]
    assert Report.objects.get().status == "in_progress"
    fresh = as_user(first).get(f"{URL}{report.pk}/")["ETag"]
    assert take(as_user(first), report, "resolve", {"If-Match": fresh}).status_code == 200


def test_the_reporter_reads_that_it_changed_but_not_by_whom(as_user: SignIn) -> None:
    owner, clerk = make_user(), make_staff(make_department())
    report = make_report(reporter=owner, status=Status.RESOLVED, closed_at=timezone.now())
    tag = as_user(owner).get(f"{URL}{report.pk}/")["ETag"]
    take(as_user(clerk), report, "start", note="secret", is_internal=True)
    refused = take(as_user(owner), report, "confirm", {"If-Match": tag})
    assert refused.status_code == 412
    [line] = refused.data["changes"]
    assert (line["status"], line["by"], line["note"]) == ("in_progress", None, "")


def test_the_tag_of_a_compressed_answer_matches_too(as_user: SignIn) -> None:
    report, client = make_report(), as_user(make_staff(make_department()))
    tag = client.get(f"{URL}{report.pk}/", headers={"Accept-Encoding": "gzip"})["ETag"]
    assert tag.startswith("W/")
    assert take(client, report, "start", {"If-Match": tag}).status_code == 200
    assert take(client, report, "resolve", {"If-Match": tag}).status_code == 412


@pytest.mark.parametrize("tag", ['"9-0123456789abcdef"', 'W/"9-0123456789abcdef"', '"x"', "1", ""])
def test_a_tag_that_is_none_of_the_report_matches_nothing(as_user: SignIn, tag: str) -> None:
    report, client = make_report(), as_user(make_staff(make_department()))
    assert take(client, report, "resolve", {"If-Match": tag}).status_code == 412
    assert Report.objects.get().status == "triaged"
    assert take(client, report, "resolve", {"If-Match": "*"}).status_code == 200


def test_a_merge_takes_if_match_too(as_user: SignIn) -> None:
    original, report = make_report(title="First"), make_report()
    client = as_user(make_staff(make_department()))
    old = {"If-Match": '"7-0123456789abcdef"'}
    assert take(client, report, "merge", old, original=str(original.pk)).status_code == 412
    merge = client.post(f"{URL}{report.pk}/merge/", {"other": str(original.pk)}, headers=old)
    assert merge.status_code == 412
    assert not Merge.objects.exists()


def test_a_step_repeated_with_its_key_is_taken_once(as_user: SignIn) -> None:
    report, client = make_report(), as_user(make_staff(make_department()))
    key = {"Idempotency-Key": "once"}
    answers = [take(client, report, "resolve", key, note="Done.") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert report.history.count() == 2
    run_tasks()
