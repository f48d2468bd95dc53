"""Duplicates from the check before sending to the merge and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.models import Task
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.duplicates import merging, suggesting
from reports.errors import MergeRefused, StatusChangedMeanwhile, TransitionNotAllowed
from reports.models import (
    DuplicatePair,
    Merge,
    Report,
    ReportVector,
    Status,
    StatusChange,
    merged_into,
)
from reports.models.place import cell_of
from reports.workflow.transitions import change_status
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)

State = DuplicatePair.State
REPORTS, CHECK = "/api/v1/reports/", "/api/v1/reports/check-duplicates/"
METRE = 1 / 111_195
pytestmark = pytest.mark.django_db


def staff() -> User:
    return make_staff(make_department())


def pair() -> DuplicatePair:
    return DuplicatePair.objects.get()


# --- Before sending ------------------------------------------------------------------------------


def test_the_check_shows_what_is_open_near_by(api: APIClient) -> None:
    known = make_report(latitude=41.3 + 20 * METRE)
    make_report(title="Couch dumped", description="A couch.")
    answer = api.post(CHECK, new_report())
    assert answer.status_code == 200
    [found] = answer.data["candidates"]
    assert found["id"] == str(known.pk)
    assert found["metres"] == 20
    assert found["probability"] > 0.7
    assert "Both speak of pothole." in found["reasons"]
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    "overrides",
    [
        {"status": Status.RESOLVED},
        {"published_at": None},
        {"latitude": 41.3 + 160 * METRE},
    ],
)
def test_the_check_shows_nothing_closed_hidden_or_far(
    api: APIClient, overrides: dict[str, Any]
) -> None:
    make_report(**overrides)
    assert api.post(CHECK, new_report()).data["candidates"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        new_report(latitude=91),
        new_report(longitude="NaN"),
        new_report(description=""),
        new_report(description="x" * 10_001),
    ],
)
def test_the_check_refuses_what_is_no_report(api: APIClient, body: dict[str, Any]) -> None:
    answer = api.post(CHECK, body)
    assert answer.status_code == 400
    assert answer.data["errors"]


def test_a_repeated_report_is_answered_with_the_candidates_unless_acknowledged(
    api: APIClient, settings: Any
) -> None:
    known = make_report()
    refused = api.post(REPORTS, new_report(title="Big hole"))
    assert refused.status_code == 409
    assert refused.data["type"].endswith("likely-duplicate")
    assert [one["id"] for one in refused.data["candidates"]] == [str(known.pk)]
    assert Report.objects.count() == 1
    kept = api.post(
        REPORTS, new_report(title="Big hole"), headers={"X-Acknowledge-Duplicate": "true"}
    )
    assert kept.status_code == 201
    settings.DUPLICATE_CHECK_ENABLED = False
    assert api.post(REPORTS, new_report(title="Huge hole")).status_code == 201


def test_an_acknowledgement_that_is_neither_true_nor_false_is_refused(api: APIClient) -> None:
    answer = api.post(REPORTS, new_report(), headers={"X-Acknowledge-Duplicate": "treu"})
    assert answer.status_code == 400
    assert answer.data["errors"][0]["field"] == "X-Acknowledge-Duplicate"
    assert not Report.objects.exists()


def test_the_refusal_leaves_the_idempotency_key_free(api: APIClient) -> None:
    make_report()
    key = {"Idempotency-Key": str(uuid4())}
    assert api.post(REPORTS, new_report(title="Hole"), headers=key).status_code == 409
    acknowledged = key | {"X-Acknowledge-Duplicate": "true"}
    assert api.post(REPORTS, new_report(title="Hole"), headers=acknowledged).status_code == 201


def test_too_many_checks_are_refused(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.duplicates.views.CHECKS", 1)
    assert [api.post(CHECK, {"latitude": "x"}).status_code for _ in range(2)] == [400, 400]
    assert [api.post(CHECK, new_report()).status_code for _ in range(2)] == [200, 429]


# --- Suggesting ----------------------------------------------------------------------------------


def test_a_new_report_is_suggested_with_reasons_by_vectors(as_user: SignIn) -> None:
    make_category()
    for _ in range(2):
        answer = as_user(make_user()).post(
            REPORTS, new_report(), headers={"X-Acknowledge-Duplicate": "1"}
        )
        assert answer.status_code == 201
    run_tasks()
    first, second = Report.objects.order_by("pk")
    assert (pair().earlier, pair().later, pair().state) == (first, second, State.SUGGESTED)
    assert pair().reasons
    assert {first.status, second.status} <= {Status.NEW, Status.TRIAGED}
    assert set(ReportVector.objects.values_list("report_id", flat=True)) == {first.pk, second.pk}


def test_a_decided_pair_is_not_suggested_again() -> None:
    first, second = make_report(), make_report()
    suggesting.suggest(str(second.pk))
    merging.refuse(first, second, by=staff())
    assert suggesting.suggest(str(first.pk)) == 1
    assert pair().state == State.REFUSED


def test_old_imported_reports_are_not_suggested() -> None:
    make_report(is_live=False)
    assert suggesting.suggest(str(make_report().pk)) == 0
    assert suggesting.suggest(str(make_report(is_live=False).pk)) == 0


def test_the_cell_follows_the_place_when_staff_move_the_pin() -> None:
    report = make_report()
    client = Client()
    client.force_login(make_staff(is_superuser=True), backend="accounts.backends.StaffBackend")
    url = reverse("admin:reports_report_change", args=[report.pk])
    form = client.get(url).context["adminform"].form
    body = {name: "" if value is None else value for name, value in form.initial.items()}
    client.post(
        url, body | {"latitude": "41.4", "history-TOTAL_FORMS": 0, "history-INITIAL_FORMS": 0}
    )
    report.refresh_from_db()
    assert (report.latitude, report.cell) == (41.4, cell_of(41.4, -72.9))


def test_the_search_takes_one_statement_and_one_for_what_it_finds(
    django_assert_num_queries: Any, api: APIClient
) -> None:
    for _ in range(3):
        make_report()
    from reports.duplicates.checking import check

    with django_assert_num_queries(1):
        assert check("Dog", "It barks.", latitude=41.3, longitude=-72.9, reporter=None) == []
    with django_assert_num_queries(2):
        found = check("Hole", "A deep hole.", latitude=41.3, longitude=-72.9, reporter=None)
    assert len(found) == 3


# --- Merging -------------------------------------------------------------------------------------


def test_a_merge_keeps_both_and_tells_why() -> None:
    original, duplicate = make_report(), make_report(reporter=make_user(wants_sms=True))
    merging.merge(duplicate, into=original, by=staff())
    duplicate.refresh_from_db()
    assert (duplicate.status, pair().state) == (Status.DUPLICATE, State.MERGED)
    line = StatusChange.objects.filter(report=duplicate).last()
    assert line is not None
    assert (line.to_status, original.title in line.note) == (Status.DUPLICATE, True)
    assert merged_into(original) == [duplicate]
    run_tasks()
    assert Delivery.objects.get().user == duplicate.reporter
    assert AuditEvent.objects.filter(event="report.merged").count() == 1


def test_a_merge_publishes_nothing_and_names_nothing_hidden() -> None:
    original = make_report(published_at=None, title="A secret")
    duplicate = make_report(published_at=None)
    merging.merge(duplicate, into=original, by=staff())
    duplicate.refresh_from_db()
    assert duplicate.published_at is None
    assert not StatusChange.objects.filter(note__contains="secret").exists()


def test_reporters_of_all_merged_reports_hear_of_every_step_once() -> None:
    desk = staff()
    people = [make_user(wants_sms=True) for _ in range(3)]
    original, second, third = (make_report(reporter=one) for one in people)
    twice = make_report(reporter=people[0])
    merging.merge(third, into=second, by=desk)
    merging.merge(second, into=original, by=desk)
    merging.merge(twice, into=original, by=desk)
    run_tasks()
    Delivery.objects.all().delete()
    original.refresh_from_db()
    change_status(original, to=Status.RESOLVED, by=desk)
    run_tasks()
    told = Delivery.objects.values_list("user_id", flat=True)
    assert sorted(told) == sorted(person.pk for person in people)


def test_undoing_a_merge_gives_the_report_back() -> None:
    desk = staff()
    original, duplicate = make_report(), make_report()
    merging.merge(duplicate, into=original, by=desk)
    merging.undo(original, duplicate, by=desk)
    duplicate.refresh_from_db()
    assert (duplicate.status, pair().state) == (Status.TRIAGED, State.SUGGESTED)
    assert merged_into(original) == []
    assert Merge.objects.get().undone_by == desk
    merging.merge(duplicate, into=original, by=desk)
    assert Merge.objects.count() == 2


def test_a_plain_step_out_of_duplicate_ends_the_merge_too() -> None:
    desk = staff()
    original, duplicate = make_report(), make_report()
    merging.merge(duplicate, into=original, by=desk)
    duplicate.refresh_from_db()
    change_status(duplicate, to=Status.TRIAGED, by=desk)
    assert merged_into(original) == []
    assert pair().state == State.SUGGESTED


def test_a_refused_pair_stays_refused_until_that_is_undone() -> None:
    desk = staff()
    first, second = make_report(), make_report()
    merging.refuse(first, second, by=desk)
    with pytest.raises(MergeRefused, match="not the same"):
        merging.merge(second, into=first, by=desk)
    merging.undo(first, second, by=desk)
    merging.merge(second, into=first, by=desk)
    with pytest.raises(MergeRefused, match="merged"):
        merging.refuse(first, second, by=desk)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.DUPLICATE])
def test_what_does_not_stand_takes_no_duplicates(status: Status) -> None:
    with pytest.raises(MergeRefused, match=str(status.label)):
        merging.merge(make_report(), into=make_report(status=status), by=staff())


def test_a_report_is_not_its_own_duplicate() -> None:
    report, desk = make_report(), staff()
    for decide in (
        lambda: merging.merge(report, into=report, by=desk),
        lambda: merging.refuse(report, report, by=desk),
    ):
        with pytest.raises(MergeRefused):
            decide()


def test_work_that_has_ended_is_not_merged() -> None:
    with pytest.raises(TransitionNotAllowed):
        merging.merge(make_report(status=Status.CLOSED), into=make_report(), by=staff())


def test_nothing_decided_cannot_be_undone() -> None:
    with pytest.raises(MergeRefused, match="Nothing"):
        merging.undo(make_report(), make_report(), by=staff())


# --- Interrupted, and at once --------------------------------------------------------------------


class Killed(Exception):
    """The process ended here."""


@contextmanager
def killed_at(statement: int) -> Iterator[None]:
    """Run so many statements, and none after them."""
    left = statement

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return execute(*arguments)

    with connection.execute_wrapper(count):
        yield


def traces() -> list[Any]:
    return [
        list(Report.objects.order_by("pk").values_list("status", flat=True)),
        list(DuplicatePair.objects.values_list("state", flat=True)),
        Merge.objects.filter(undone_at=None).count(),
        StatusChange.objects.count(),
        Task.objects.count(),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_undoing", [False, True])
def test_killed_between_any_two_steps_nothing_is_lost_or_doubled(is_undoing: bool) -> None:
    desk = staff()
    original, duplicate = make_report(), make_report(reporter=make_user())
    if is_undoing:
        merging.merge(duplicate, into=original, by=desk)

    def act() -> None:
        if is_undoing:
            merging.undo(duplicate, original, by=desk)
        else:
            merging.merge(duplicate, into=original, by=desk)

    before, statement = traces(), 0
    while True:
        try:
            with killed_at(statement):
                act()
            break
        except Killed:
            assert traces() == before, statement
        statement += 1
    assert statement > 8
    after = traces()
    assert after != before
    assert after[2] == (0 if is_undoing else 1)
    assert after[3] == before[3] + 1
    assert after[4] == before[4] + 3  # the step's audit event and message, and the decision's


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_of_the_same_reports_one_holds() -> None:
    desk, both = staff(), [make_report(), make_report()]
    turns = iter([(both[0], both[1]), (both[1], both[0])] * 2)

    def merge() -> None:
        duplicate, original = next(turns)
        merging.merge(duplicate, into=original, by=desk)

    outcomes = race(merge, times=4)
    assert outcomes.count(None) == 1
    assert {type(one) for one in outcomes if one} <= {MergeRefused, TransitionNotAllowed}
    assert Merge.objects.count() == 1
    assert DuplicatePair.objects.count() == 1
    assert list(Report.objects.filter(status=Status.DUPLICATE).values_list("pk", flat=True)) == [
        Merge.objects.get().duplicate_id
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("side", ["duplicate", "original"])
def test_a_merge_against_a_rejection_of_either_report(side: str) -> None:
    desk, reports = staff(), {"duplicate": make_report(), "original": make_report()}
    turns = iter(["merge", "reject"])

    def act() -> None:
        if next(turns) == "merge":
            merging.merge(reports["duplicate"], into=reports["original"], by=desk)
        else:
            change_status(reports[side], to=Status.REJECTED, by=desk)

    outcomes = race(act, times=2)
    errors = [one for one in outcomes if one]
    allowed = (MergeRefused, TransitionNotAllowed, StatusChangedMeanwhile)
    assert all(isinstance(one, allowed) for one in errors)
    is_merged = Merge.objects.exists()
    status = Report.objects.get(pk=reports["duplicate"].pk).status
    assert is_merged == (status == Status.DUPLICATE)
    if side == "duplicate":
        assert len(errors) == 1
    lines = StatusChange.objects.filter(report=reports["duplicate"]).count()
    assert lines == (1 if status == Status.TRIAGED else 2)


@pytest.mark.django_db(transaction=True)
def test_of_a_merge_and_a_refusal_one_holds() -> None:
    desk, first, second = staff(), make_report(), make_report()
    turns = iter(["merge", "refuse"])

    def act() -> None:
        if next(turns) == "merge":
            merging.merge(second, into=first, by=desk)
        else:
            merging.refuse(first, second, by=desk)

    outcomes = race(act, times=2)
    assert [type(one) for one in outcomes if one] == [MergeRefused]
    assert (pair().state == State.MERGED) == Merge.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_searches_at_once_store_one_suggestion() -> None:
    turns = iter([str(make_report().pk), str(make_report().pk)] * 2)
    outcomes = race(lambda: suggesting.suggest(next(turns)), times=4)
    assert outcomes == [1] * 4
    assert pair().state == State.SUGGESTED


# --- The API and the desk ------------------------------------------------------------------------


def test_staff_see_and_decide_by_the_api(as_user: SignIn) -> None:
    first, second = make_report(), make_report()
    suggesting.suggest(str(second.pk))
    client, url = as_user(staff()), f"{REPORTS}{second.pk}/"
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
    answer = as_user(staff()).post(f"{REPORTS}{make_report().pk}/merge/", {"other": str(hidden.pk)})
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
    client = desk_client(staff())
    page = client.get(reverse(PAIRS)).content.decode()
    assert "Both speak of pothole." in page
    assert "<b>Deep" not in page
    for chosen, expected in [(action, state), ("undo", State.SUGGESTED), ("undo", State.SUGGESTED)]:
        answer = client.post(
            reverse(PAIRS), {"action": chosen, "_selected_action": [str(pair().pk)]}
        )
        assert pair().state == expected
    assert "Nothing was decided" in str(list(get_messages(answer.wsgi_request))[-1])
    assert first.title in page


def test_the_desk_shows_no_pair_of_another_department() -> None:
    make_report(published_at=None)
    suggesting.suggest(str(make_report(published_at=None).pk))
    other = desk_client(make_staff(make_department("parks")))
    assert "Both speak" not in other.get(reverse(PAIRS)).content.decode()
    other.post(reverse(PAIRS), {"action": "merge", "_selected_action": [str(pair().pk)]})
    assert pair().state == State.SUGGESTED


def test_staff_of_the_earlier_reports_department_cannot_merge_the_later_one() -> None:
    make_report(department=make_department("parks"))
    suggesting.suggest(str(make_report().pk))
    parks = desk_client(make_staff(make_department("parks")))
    parks.post(reverse(PAIRS), {"action": "merge", "_selected_action": [str(pair().pk)]})
    assert pair().state == State.SUGGESTED
