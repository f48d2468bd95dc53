"""From complaint to helping hand: neighbours are asked, and what becomes of the report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from jobs.testing import run_tasks
from matching.models import Match, Opportunity
from matching.opportunities import publishing
from notifications.models import Delivery
from reports.helping.actors import settle_help
from reports.models import HelpRequest, PatternFinding, PatternKind, Report, Status
from reports.steps import taking
from reports.workflow.roles import roles_in
from tests.matching.factories import make_profile
from tests.reports.conftest import SignIn
from tests.reports.desk import LIST, signed_in
from tests.reports.factories import (
    make_category,
    make_department,
    make_finding,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

LITTER = {
    "title": "Litter around the bench in the park",
    "description": "Bottles and bags lie around the bench; a few hands would do.",
}


@pytest.fixture
def clerk() -> User:
    return make_staff(make_department())


@pytest.fixture
def reporter() -> User:
    return make_user(email="reporter@example.org", email_verified_at=timezone.now())


@pytest.fixture
def litter(reporter: User) -> Report:
    return make_report(reporter=reporter, category=make_category("litter"), **LITTER)


@pytest.fixture
def staff(as_user: SignIn, clerk: User) -> APIClient:
    return as_user(clerk)


def path(report: Report, ending: str = "") -> str:
    return f"/api/v1/reports/{report.pk}/help-requests/{ending}"


def ask(staff: APIClient, report: Report, **wish: Any) -> Opportunity:
    answer = staff.post(path(report), wish, "json")
    assert answer.status_code == 201, answer.content
    return Opportunity.objects.get(pk=answer.json()["opportunity"])


def lines(report: Report) -> list[tuple[str, str]]:
    """The history of a report: steps and notes, without its arrival."""
    return [(line.step, line.note) for line in report.history.all() if line.note]


def settle() -> None:
    with transaction.atomic():
        settle_help.send()
    run_tasks()


# --- Asking -------------------------------------------------------------------------------------


def test_a_report_becomes_an_opportunity_which_is_offered_near_by(
    staff: APIClient, api: APIClient, litter: Report, settings: LazySettings
) -> None:
    settings.MATCHING_DEBOUNCE_SECONDS = 0
    wants: dict[str, Any] = {
        "headline": "Cleaning up parks",
        "about": "I pick up litter, bottles and bags around the benches of parks.",
        "skills": ["litter picking"],
        "interests": ["parks", "neighbourhood"],
        "radius_km": 5.0,
    }
    near = make_profile(**wants, latitude=litter.latitude, longitude=litter.longitude)
    make_profile(**wants, latitude=litter.latitude + 1, longitude=litter.longitude)
    ask(staff, litter, capacity=5)
    run_tasks()
    [shown] = api.get(path(litter)).json()
    assert (shown["state"], shown["ended_at"]) == ("open", None)
    opportunity = api.get(f"/api/v1/opportunities/{shown['opportunity']}/").json()
    assert opportunity["title"] == f"Lend a hand: {LITTER['title']}"
    assert LITTER["description"] in opportunity["description"]
    assert (opportunity["kind"], opportunity["organisation"]) == ("volunteering", "Streets")
    assert (opportunity["latitude"], opportunity["longitude"]) == (41.3, -72.9)
    assert opportunity["capacity"] == 5
    assert set(Match.objects.values_list("user", flat=True)) == {near.user_id}
    [(step, note)] = lines(litter)
    assert (step, note) == ("", f"Neighbours are asked to help: {opportunity['title']}")


def test_staff_say_in_their_words_what_is_to_be_done(staff: APIClient, litter: Report) -> None:
    today = timezone.localdate()
    opportunity = ask(
        staff,
        litter,
        title="Clean up together",
        description="Bring gloves.",
        starts_on=str(today),
        ends_on=str(today + timedelta(days=7)),
    )
    assert (opportunity.title, opportunity.description) == ("Clean up together", "Bring gloves.")
    assert opportunity.ends_on == today + timedelta(days=7)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": Status.RESOLVED}, "nothing to mend"),
        ({"published_at": None}, "not public"),
    ],
)
def test_what_cannot_be_mended_is_not_offered(
    staff: APIClient, fields: dict[str, Any], words: str
) -> None:
    answer = staff.post(path(make_report(**fields)), {}, "json")
    assert answer.status_code == 409
    assert words in answer.json()["detail"]
    assert not Opportunity.objects.exists()


def test_neighbours_are_asked_once_at_a_time(staff: APIClient, litter: Report) -> None:
    ask(staff, litter)
    answer = staff.post(path(litter), {}, "json")
    assert (answer.status_code, Opportunity.objects.count()) == (409, 1)
    assert staff.post(path(litter, "withdraw/")).status_code == 200
    ask(staff, litter)
    assert [one["state"] for one in staff.get(path(litter)).json()] == ["open", "withdrawn"]


@pytest.mark.parametrize(
    "wish",
    [
        {"title": 7},
        {"capacity": 0},
        {"ends_on": "2020-01-01"},
        {"starts_on": "2999-02-01", "ends_on": "2999-01-01"},
        {"reward": 50},
    ],
)
def test_a_bad_wish_is_refused(staff: APIClient, litter: Report, wish: dict[str, Any]) -> None:
    assert staff.post(path(litter), wish, "json").status_code == 400
    assert not HelpRequest.objects.exists()


def test_only_staff_of_the_department_ask_and_end(
    as_user: SignIn, api: APIClient, staff: APIClient, litter: Report
) -> None:
    ask(staff, litter)
    strangers = {
        as_user(make_staff(make_department("parks"))): 403,
        as_user(make_user()): 403,
        api: 401,
    }
    for stranger, status in strangers.items():
        for ending in ("", "complete/", "withdraw/"):
            assert stranger.post(path(litter, ending), {}, "json").status_code == status
    assert HelpRequest.objects.get().state == "open"


# --- Ending -------------------------------------------------------------------------------------


def test_what_is_done_resolves_the_report_once_and_asks_its_reporter(
    staff: APIClient, litter: Report, clerk: User
) -> None:
    opportunity = ask(staff, litter)
    done = staff.post(path(litter, "complete/"), {"note": "Twelve bags!"}, "json")
    assert [one["state"] for one in done.json()] == ["done"]
    assert staff.post(path(litter, "complete/"), {}, "json").status_code == 409
    assert not publishing.end(opportunity.pk, is_done=True, by=clerk)
    run_tasks()
    litter.refresh_from_db()
    opportunity.refresh_from_db()
    assert (litter.status, opportunity.is_active) == (Status.RESOLVED, False)
    assert opportunity.done_at is not None
    assert lines(litter)[1:] == [
        ("mend", f"Mended by neighbours: {opportunity.title}\nTwelve bags!")
    ]
    [message] = Delivery.objects.filter(template="report_status_changed")
    assert message.context["confirm_repair"].startswith(str(litter.pk))


def test_the_desk_of_opportunities_marks_them_as_done(staff: APIClient, litter: Report) -> None:
    opportunity = ask(staff, litter)
    coordinator = make_user(is_staff=True)
    rights = Permission.objects.filter(codename__in=("change_opportunity", "view_opportunity"))
    coordinator.user_permissions.set(rights)
    form = {"action": "complete", "_selected_action": [str(opportunity.pk)]}
    page = signed_in(coordinator).post("/admin/matching/opportunity/", form, follow=True)
    assert "Marked as done: 1" in page.content.decode()
    litter.refresh_from_db()
    assert litter.status == Status.RESOLVED
    assert HelpRequest.objects.get().state == "done"


def test_a_withdrawn_opportunity_leaves_the_report_as_it_is(
    staff: APIClient, litter: Report
) -> None:
    opportunity = ask(staff, litter)
    publishing.change(opportunity, {"is_active": False})
    litter.refresh_from_db()
    assert (litter.status, HelpRequest.objects.get().state) == (Status.TRIAGED, "withdrawn")
    last = litter.history.last()
    assert last is not None
    assert last.is_internal
    assert "not asked any more" in last.note


def test_work_that_has_ended_otherwise_takes_the_opportunity_back(
    staff: APIClient, litter: Report, clerk: User
) -> None:
    opportunity = ask(staff, litter)
    litter.refresh_from_db()
    step = taking.Step(by=clerk, to=Status.RESOLVED)
    taking.take(litter, step, roles=roles_in(litter, clerk))
    settle()
    settle()
    opportunity.refresh_from_db()
    assert (opportunity.is_active, HelpRequest.objects.get().state) == (False, "needless")
    assert len([note for _, note in lines(litter) if "the work has ended" in note]) == 1


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_opportunity_that_is_over_or_gone_ends_the_request(
    staff: APIClient, litter: Report, is_deleted: bool
) -> None:
    opportunity = ask(staff, litter)
    settle()
    assert HelpRequest.objects.get().state == "open"
    if is_deleted:
        opportunity.delete()
    else:
        publishing.change(opportunity, {"ends_on": timezone.localdate() - timedelta(days=1)})
    settle()
    litter.refresh_from_db()
    assert (litter.status, HelpRequest.objects.get().state) == (Status.TRIAGED, "over")


def test_what_was_lost_can_still_be_done(staff: APIClient, litter: Report) -> None:
    ask(staff, litter).delete()
    assert staff.post(path(litter, "complete/"), {}, "json").status_code == 200
    litter.refresh_from_db()
    assert litter.status == Status.RESOLVED


# --- Patterns -----------------------------------------------------------------------------------


def ask_about(client: APIClient, finding: PatternFinding) -> Any:
    return client.post(f"/api/v1/patterns/{finding.pk}/help-requests/", {}, "json")


def test_a_pattern_becomes_one_opportunity_for_its_open_reports_of_ones_departments(
    staff: APIClient, litter: Report, as_user: SignIn
) -> None:
    other = make_report(category=litter.category)
    closed = make_report(category=litter.category, status=Status.CLOSED)
    parks = make_report(category=litter.category, department=make_department("parks"))
    finding = make_finding()
    answer = ask_about(staff, finding)
    assert answer.status_code == 201, answer.content
    assert {one["report"] for one in answer.json()} == {str(litter.pk), str(other.pk)}
    [opportunity] = Opportunity.objects.all()
    assert (opportunity.latitude, opportunity.longitude) == (41.3, -72.9)
    assert ask_about(staff, finding).status_code == 409
    assert ask_about(as_user(make_user()), finding).status_code == 403
    staff.post(path(litter, "complete/"), {}, "json")
    states = dict(Report.objects.values_list("pk", "status"))
    assert [states[one.pk] for one in (litter, other, closed, parks)] == [
        "resolved", "resolved", "closed", "triaged",
    ]  # fmt: skip


def test_staff_of_another_department_ask_about_their_own_reports_alone(
    as_user: SignIn, litter: Report
) -> None:
    parks = as_user(make_staff(make_department("parks")))
    answer = ask_about(parks, make_finding())
    assert answer.status_code == 409
    assert "your departments" in answer.json()["detail"]
    assert not Opportunity.objects.exists()


def test_a_pattern_without_a_place_is_refused(staff: APIClient) -> None:
    finding = make_finding(
        kind=PatternKind.TOPIC, box=None, latitude=None, longitude=None, facts={"words": ["litter"]}
    )
    assert ask_about(staff, finding).status_code == 409


# --- The desk -----------------------------------------------------------------------------------


@pytest.fixture
def desk(clerk: User) -> Client:
    return signed_in(clerk)


def test_the_desk_asks_ends_and_says_what_is_wrong(desk: Client, litter: Report) -> None:
    page = f"{LIST}{litter.pk}/"
    assert "Ask neighbours to mend it" in desk.get(f"{page}change/").content.decode()
    refused = desk.post(f"{page}ask-help/", {"ends_on": "2020-01-01"}, follow=True)
    assert "a day to come" in refused.content.decode()
    form = {"title": "Clean up", "description": "", "capacity": "4", "ends_on": ""}
    asked = desk.post(f"{page}ask-help/", form, follow=True).content.decode()
    assert "Neighbours have mended it" in asked
    assert Opportunity.objects.get().capacity == 4
    done = desk.post(f"{page}complete-help/", {"note": "Thanks!"}, follow=True).content.decode()
    assert "mended by neighbours" in done
    assert "Thanks!" in desk.get(f"{page}timeline/").content.decode()
    again = desk.post(f"{page}withdraw-help/", follow=True).content.decode()
    assert "Neighbours are not asked about this report" in again


def test_the_desk_asks_about_a_pattern(desk: Client, litter: Report) -> None:
    finding = make_finding()
    page = f"/admin/reports/patternfinding/{finding.pk}/"
    assert str(litter) in desk.get(f"{page}change/").content.decode()
    answer = desk.post(f"{page}ask-help/", {"title": "Clean the park"}, follow=True)
    assert "about 1 report of your departments" in answer.content.decode()
    assert Opportunity.objects.get().title == "Clean the park"


def test_the_desk_of_another_department_has_no_such_form(litter: Report) -> None:
    stranger = signed_in(make_staff(make_department("parks")))
    for name in ("ask-help", "complete-help", "withdraw-help"):
        assert stranger.post(f"{LIST}{litter.pk}/{name}/").status_code == 404
