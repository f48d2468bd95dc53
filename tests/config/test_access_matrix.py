"""Who gets what: every route of the API, as everybody, by every method.

A route that this table does not know fails the first test: declare whom it answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from config.urls import api_v1
from jobs.testing import run_tasks
from matching.opportunities import publishing
from matching.partners.keys import create_key, partner_named
from reports.models import StaffNote, Status
from tests.config.world import ROLES, World, ask, routes, staff_client
from tests.matching.factories import TUTORING

#: Also for a test that does not ask for it: what others of this file share is always there.
pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.slow]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

#: What the roles get, in their order. "+": the request is let in, whatever it then says about its
#: empty body.
EVERYBODY = "+ + + + + +"
SIGNED_IN = "401 + + + + +"
OWNER = "401 + 404 404 404 404"
OWNER_OR_SUPERUSER = "401 + 404 404 404 +"
PARTNER = "401 401 401 401 401 401"
PROVIDER = PARTNER  # a machine with a token of its own, no user's

#: Route → method → what the roles get. Methods that are not named answer 405.
EXPECTED: dict[str, dict[str, str]] = {
    "health": {"GET": EVERYBODY},
    "request-otp": {"POST": EVERYBODY},
    "verify-otp": {"POST": EVERYBODY},
    "refresh": {"POST": EVERYBODY},
    "logout": {"POST": EVERYBODY},
    "sessions": {"GET": SIGNED_IN},
    "session": {"DELETE": OWNER},
    "me": {"GET": SIGNED_IN, "PATCH": SIGNED_IN},
    "second-factor": {"POST": SIGNED_IN},
    "request-fresh-proof": {"POST": SIGNED_IN},
    "fresh-proof": {"POST": SIGNED_IN},
    "request-phone-code": {"POST": SIGNED_IN},
    "change-phone": {"POST": SIGNED_IN},
    "request-email-code": {"POST": SIGNED_IN},
    "verify-email": {"POST": SIGNED_IN},
    "report-list": {"GET": EVERYBODY, "POST": EVERYBODY},
    # A report of the owner that the desk has not published; below, one that everybody reads.
    "report-detail": {"GET": "404 + 404 404 + +", "PATCH": "404 + 404 404 403 403"},
    "report-contact": {"DELETE": "404 + 404 404 + +"},
    "report-status": {"POST": "401 403 404 404 + +"},
    "report-steps": {"GET": "404 + 404 404 + +", "POST": "404 + 404 404 + +"},
    "report-undo-step": {"POST": "401 403 404 404 + +"},
    "report-bulk-steps": {"POST": "401 403 403 + + +"},
    "report-check-duplicates": {"POST": EVERYBODY},
    "report-duplicates": {"GET": "401 403 404 404 + +"},
    "report-merge": {"POST": "401 403 404 404 + +"},
    "report-refuse-duplicate": {"POST": "401 403 404 404 + +"},
    "report-undo-duplicate": {"POST": "401 403 404 404 + +"},
    "report-help-requests": {"GET": "404 + 404 404 + +", "POST": "401 403 404 404 + +"},
    "report-complete-help": {"POST": "401 403 404 404 + +"},
    "report-withdraw-help": {"POST": "401 403 404 404 + +"},
    "pattern-help-requests": {"POST": "401 403 403 + + +"},
    "report-photos": {"GET": "404 + 404 404 + +", "POST": "404 + 404 404 + +"},
    # A photo of that report.
    "photo-detail": {"GET": "404 + 404 404 + +"},
    "photo-file": {"GET": "404 + 404 404 + +"},
    "photo-take-down": {"POST": "401 403 404 404 + +"},
    "photo-restore": {"POST": "401 403 404 404 + +"},
    "report-flag": {"POST": "404 404 404 404 404 404"},
    "comment-list": {"GET": "404 + 404 404 + +", "POST": "401 + 404 404 + +"},
    # A comment by the owner; everybody else has none of their own to delete.
    "comment-detail": {"DELETE": OWNER},
    "comment-flag": {"POST": "404 + 404 404 + +"},
    "comment-hide": {"POST": "401 403 404 404 + +"},
    "note-list": {"GET": "401 403 404 404 + +", "POST": "401 403 404 404 + +"},
    "reply-template-list": {"GET": "401 403 404 404 + +"},
    "reply-create": {"POST": "401 403 404 404 + +"},
    "report-follow": {"POST": "401 + 404 404 + +", "DELETE": "401 + 404 404 + +"},
    "report-me-too": {"POST": "401 + 404 404 + +", "DELETE": "401 + 404 404 + +"},
    "area-subscription-list": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "area-subscription": {"DELETE": OWNER},
    "moderation-list": {"GET": "401 403 403 + + +"},
    "moderation-approve": {"POST": "401 403 403 404 + +"},
    "moderation-reject": {"POST": "401 403 403 404 + +"},
    # Without a body nobody is refused but for that.
    "report-confirmation": {"POST": EVERYBODY},
    "webhook": {"POST": PROVIDER},
    "dispatch-plan-list": {"GET": "401 403 403 + + +"},
    "dispatch-plan-detail": {"GET": "401 403 403 404 + +"},
    "dispatch-plan-geojson": {"GET": "401 403 403 404 + +"},
    "dispatch-plan-apply": {"POST": "401 403 403 404 + +"},
    "dispatch-plan-undo": {"POST": "401 403 403 404 + +"},
    "category-list": {"GET": EVERYBODY},
    "department-list": {"GET": EVERYBODY},
    "dashboard": {"GET": EVERYBODY},
    "leaderboard": {"GET": EVERYBODY},
    "dashboard-timeseries": {"GET": EVERYBODY},
    "policy-list": {"GET": "401 403 403 + + +", "POST": "401 403 403 + + +"},
    "policy-revert": {"POST": "401 403 403 403 403 +"},
    "routing-rule-list": {"GET": "401 403 403 + + +"},
    "routing-rule-trial": {"GET": "401 403 403 403 403 +"},
    "job-type-list": {"GET": SIGNED_IN},
    "job-list": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "job-detail": {"GET": OWNER_OR_SUPERUSER},
    "job-cancel": {"POST": OWNER_OR_SUPERUSER},
    "job-result-list": {"GET": SIGNED_IN},
    "job-result": {"GET": OWNER_OR_SUPERUSER},
    "job-result-comparison": {"GET": OWNER_OR_SUPERUSER},
    "job-result-export": {"GET": OWNER_OR_SUPERUSER},
    "profile-me": {"GET": SIGNED_IN, "PUT": SIGNED_IN},
    "onboarding-confirm": {"POST": SIGNED_IN},
    "opportunity-list": {"GET": EVERYBODY},
    "opportunity-detail": {"GET": EVERYBODY},
    "opportunity-apply": {"POST": SIGNED_IN, "DELETE": SIGNED_IN},
    "opportunity-save": {"POST": SIGNED_IN, "DELETE": SIGNED_IN},
    "opportunity-dismiss": {"POST": SIGNED_IN, "DELETE": SIGNED_IN},
    "partner-opportunity-list": {"GET": PARTNER, "POST": PARTNER},
    "partner-applicant-list": {"GET": PARTNER},
    "partner-opportunity": {"GET": PARTNER, "PATCH": PARTNER, "DELETE": PARTNER},
    "match-list": {"GET": SIGNED_IN},
    "match-calculate": {"POST": SIGNED_IN},
    "match-run-create": {"POST": SIGNED_IN},
    "match-run-legacy": {"POST": SIGNED_IN},
    "match-run-status": {"GET": OWNER, "DELETE": OWNER},
    "receipts": {"POST": PROVIDER},
}
PUBLISHED_REPORT = {
    "report-flag": {"POST": EVERYBODY},
    "comment-list": {"GET": EVERYBODY, "POST": SIGNED_IN},
    "note-list": {"GET": "401 403 403 403 + +", "POST": "401 403 403 403 + +"},
    "reply-template-list": {"GET": "401 403 403 403 + +"},
    "reply-create": {"POST": "401 403 403 403 + +"},
    "report-follow": {"POST": SIGNED_IN, "DELETE": SIGNED_IN},
    "report-me-too": {"POST": SIGNED_IN, "DELETE": SIGNED_IN},
    "report-detail": {"GET": EVERYBODY, "PATCH": "403 + 403 403 403 403"},
    "report-contact": {"DELETE": "403 + 403 403 + +"},
    "report-status": {"POST": "401 403 403 403 + +"},
    "report-steps": {"GET": EVERYBODY, "POST": "401 + 403 403 + +"},
    "report-undo-step": {"POST": "401 403 403 403 + +"},
    "report-duplicates": {"GET": "401 403 403 403 + +"},
    "report-merge": {"POST": "401 403 403 403 + +"},
    "report-refuse-duplicate": {"POST": "401 403 403 403 + +"},
    "report-undo-duplicate": {"POST": "401 403 403 403 + +"},
    "report-help-requests": {"GET": EVERYBODY, "POST": "401 403 403 403 + +"},
    "report-complete-help": {"POST": "401 403 403 403 + +"},
    "report-withdraw-help": {"POST": "401 403 403 403 + +"},
    "report-photos": {"GET": EVERYBODY, "POST": "401 + 403 403 + +"},
}
PUBLISHED_PHOTO = {
    "photo-detail": {"GET": EVERYBODY},
    "photo-file": {"GET": EVERYBODY},
    "photo-take-down": {"POST": "401 403 403 403 + +"},
    "photo-restore": {"POST": "401 403 403 403 + +"},
}


def outcome(status: int) -> str:
    return str(status) if status in {401, 403, 404, 405, 429} or status >= 500 else "+"


def expectation(expected: dict[str, str], method: str, is_partner: bool) -> list[str]:
    if method in expected:
        return expected[method].split()
    # Who may not come in at all is told so before the method is looked at.
    anonymous = "405" if any(line.startswith(("+", "404")) for line in expected.values()) else "401"
    return [anonymous, *(["401"] * 5 if is_partner else ["405"] * 5)]


def got(world: World, route: str, method: str, arguments: list[Any]) -> list[str]:
    url = reverse(route, args=arguments)
    return [outcome(ask(world.clients[role], method, url).status_code) for role in ROLES]


def test_every_route_is_declared() -> None:
    found = list(routes(api_v1))
    assert sorted(found) == sorted(EXPECTED)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("route", EXPECTED)
def test_a_route_answers_whom_it_shall(world: World, route: str) -> None:
    expected = EXPECTED[route]
    is_partner = PARTNER in expected.values()
    told = {method: got(world, route, method, world.arguments.get(route, [])) for method in METHODS}
    assert told == {method: expectation(expected, method, is_partner) for method in METHODS}


@pytest.mark.parametrize("route", PUBLISHED_REPORT)
def test_a_published_report_is_read_by_all_and_changed_by_its_desk(
    world: World, route: str
) -> None:
    for method, line in PUBLISHED_REPORT[route].items():
        assert got(world, route, method, [world.published.pk]) == line.split()


@pytest.mark.parametrize("route", PUBLISHED_PHOTO)
def test_a_published_photo_is_seen_by_all_and_taken_down_by_its_desk(
    world: World, route: str
) -> None:
    arguments = [world.published_photo.pk, *(["small"] if route == "photo-file" else [])]
    for method, line in PUBLISHED_PHOTO[route].items():
        assert got(world, route, method, arguments) == line.split()


READ = [route for route, methods in EXPECTED.items() if "GET" in methods]


@pytest.mark.parametrize("number", range(len(READ)), ids=READ.__getitem__)
def test_head_and_options_tell_no_more_than_get(world: World, number: int) -> None:
    """Each route is asked by every third role; the campaign has each role ask."""
    see_head_and_options(world, READ[number], ROLES[number % 3 :: 3])


@pytest.mark.campaign
@pytest.mark.parametrize("route", READ)
def test_head_and_options_tell_nobody_more_than_get(world: World, route: str) -> None:
    see_head_and_options(world, route, ROLES)


def see_head_and_options(world: World, route: str, roles: Sequence[str]) -> None:
    """Check that HEAD answers these roles as GET does, and that OPTIONS does not fail."""
    url = reverse(route, args=world.arguments.get(route, []))
    for role in roles:
        seen = outcome(world.clients[role].get(url).status_code)
        assert outcome(world.clients[role].head(url).status_code) == seen
        assert world.clients[role].options(url).status_code < 500


def test_a_note_among_staff_is_in_nobody_elses_answers(world: World) -> None:
    """Every route that can be read, of a hidden and of a public report, as everybody."""
    secret = "the-neighbour-is-difficult"
    for report in (world.report, world.published):
        StaffNote.objects.create(report=report, author=world.users["staff"], text=secret)
    readers = set()
    for route, methods in EXPECTED.items():
        if "GET" not in methods:
            continue
        arguments = world.arguments.get(route, [])
        of_published = [[world.published.pk, *arguments[1:]]] * (route in PUBLISHED_REPORT)
        for place in (arguments, *of_published):
            for role in ROLES:
                answer = ask(world.clients[role], "GET", reverse(route, args=place))
                content = b"".join(answer) if answer.streaming else answer.content
                if secret.encode() in content:
                    readers.add((route, role))
    assert readers == {("note-list", "staff"), ("note-list", "superuser")}


def test_lists_hold_only_what_one_may_see(world: World) -> None:
    """The owner's hidden report, jobs, runs and sessions appear in nobody else's lists, staff's
    desk aside.
    """
    run_tasks()
    secrets = {
        "report-list": (str(world.report.pk), {"staff", "superuser"}),
        "job-list": (world.arguments["job-detail"][0], {"owner", "superuser"}),
        "sessions": (str(world.arguments["session"][0]), {"owner"}),
    }
    for route, (secret, readers) in secrets.items():
        answers = {role: ask(world.clients[role], "GET", reverse(route)) for role in ROLES}
        assert {
            role for role, answer in answers.items() if secret in answer.content.decode()
        } == readers, route


def test_a_missing_object_looks_like_a_hidden_one(world: World) -> None:
    """Else the answer would tell that somebody else's object exists."""
    missing = "01890000-0000-7000-8000-000000000000"
    for route in ("report-detail", "job-detail", "match-run-status"):
        hidden = ask(world.clients["citizen"], "GET", reverse(route, args=world.arguments[route]))
        absent = ask(world.clients["citizen"], "GET", reverse(route, args=[missing]))
        told = hidden.content.decode().replace(str(world.arguments[route][0]), missing)
        assert (hidden.status_code, told) == (absent.status_code, absent.content.decode())


def test_partners_reach_their_own_opportunities_alone(world: World) -> None:
    own, other = partner_named("Own"), partner_named("Other")
    with_key = APIClient(raise_request_exception=False)
    with_key.credentials(HTTP_X_API_KEY=create_key(own))
    theirs, ours = (
        publishing.publish(partner, TUTORING | {"kind": "volunteering"})[0]
        for partner in (other, own)
    )
    for method in ("GET", "PATCH", "DELETE"):
        assert (
            ask(with_key, method, reverse("partner-opportunity", args=[theirs.pk])).status_code
            == 404
        )
        assert (
            ask(with_key, method, reverse("partner-opportunity", args=[ours.pk])).status_code < 300
        )
    listed = with_key.get(reverse("partner-opportunity-list")).data["results"]
    assert [one["id"] for one in listed] == [str(ours.pk)]
    for route, methods in EXPECTED.items():
        if PARTNER not in methods.values() and set(methods.values()) <= {SIGNED_IN, OWNER}:
            for method in methods:
                url = reverse(route, args=world.arguments.get(route, []))
                assert ask(with_key, method, url).status_code == 401, route


@pytest.mark.usefixtures("without_menu")
def test_the_desk_shows_a_department_its_reports_and_nothing_else(world: World) -> None:
    """Every list of the admin, as everybody: staff without further rights see their reports and
    their own sessions alone.
    """
    seen = {}
    for role in ROLES:
        client = staff_client(world.users.get(role))
        lists = [
            f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            for model in admin.site._registry
        ]
        seen[role] = {name for name in lists if client.get(reverse(name)).status_code == 200}
    assert seen["anonymous"] == seen["owner"] == seen["citizen"] == set()
    assert (
        seen["other_staff"]
        == seen["staff"]
        == {
            "admin:reports_report_changelist",
            "admin:reports_duplicatepair_changelist",
            "admin:reports_policy_changelist",
            "admin:reports_draftreport_changelist",
            "admin:reports_dispatchplan_changelist",
            "admin:reports_post_changelist",
            "admin:reports_patternfinding_changelist",
            "admin:accounts_desksession_changelist",
            "admin:reports_moderationcase_changelist",
        }
    )
    assert seen["superuser"] == set(lists)


@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_the_desk_hides_reports_of_other_departments(world: World, page: str) -> None:
    url = reverse(f"admin:reports_report_{page}", args=[world.report.pk])
    allowed = {
        role for role in ROLES if staff_client(world.users.get(role)).get(url).status_code == 200
    }
    assert allowed == (set() if page == "delete" else {"staff", "superuser"})


def test_the_desk_refuses_actions_on_reports_of_other_departments(world: World) -> None:
    other = staff_client(world.users["other_staff"])
    other.post(
        reverse("admin:reports_report_changelist"),
        {"action": "mark_in_progress", "_selected_action": [str(world.published.pk)]},
    )
    other.post(
        reverse("admin:reports_report_change", args=[world.published.pk]), {"title": "Changed"}
    )
    world.published.refresh_from_db()
    assert (world.published.status, world.published.title) == (Status.TRIAGED, "Deep hole")


def test_the_desk_lists_and_finds_no_report_of_another_department(world: World) -> None:
    other = staff_client(world.users["other_staff"])
    for query in (
        "",
        "?q=hole",
        f"?id__exact={world.report.pk}",
        "?department__id__exact=1",
        "?all=",
    ):
        page = other.get(reverse("admin:reports_report_changelist") + query)
        assert f"/{world.report.pk}/change/" not in page.content.decode()


def test_the_desk_completes_no_names_for_staff_without_rights(world: World) -> None:
    staff = staff_client(world.users["staff"])
    fields = [("reports", "departmentmembership", "user"), ("reports", "category", "department")]
    for app, model, field in fields:
        url = (
            reverse("admin:autocomplete")
            + f"?app_label={app}&model_name={model}&field_name={field}&term=1"
        )
        assert staff.get(url).status_code == 403


def test_the_figures_of_the_installation_are_for_its_operators(world: World, settings: Any) -> None:
    settings.METRICS_TOKEN = "scraper"
    for role in ROLES:
        assert world.clients[role].get("/metrics").status_code == 401
    assert Client().get("/metrics", headers={"authorization": "Bearer scraper"}).status_code == 200
    assert Client().get("/dev/messages").status_code == 404
