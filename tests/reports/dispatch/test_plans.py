"""Plans of crews' days: made by a job, read, applied and undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.machinery import ModuleSpec
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.ledger import interventions
from jobs.models import JobResult, Task
from jobs.states import State
from jobs.testing import advance, run_tasks
from reports.dispatch import improving, planning
from reports.models import (
    ArrivalForecast,
    Category,
    Crew,
    DepartmentMembership,
    DispatchLeftOut,
    DispatchPlan,
    DispatchStop,
    Report,
    Severity,
    Status,
)
from reports.workflow import transitions
from reports.workflow.performing import Inputs
from reports.workflow.roles import roles_in
from tests.jobs.factories import make_result
from tests.reports.conftest import SignIn
from tests.reports.dispatching import at, make_plan, next_monday
from tests.reports.factories import (
    make_category,
    make_clerk,
    make_crew,
    make_department,
    make_report,
    make_staff,
    make_user,
)
from tests.reports.outside import Asked, Outside, Reply, outside_server

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PLANS = "/api/v1/dispatch-plans/"
HOME = (41.30, -72.90)


def north(kilometres: float) -> dict[str, float]:
    """A place so far north of the crews' home."""
    return {"latitude": HOME[0] + kilometres / 111.195, "longitude": HOME[1]}


def crew(name: str = "First crew", *skills: Category, **fields: Any) -> Crew:
    home = {"home_latitude": HOME[0], "home_longitude": HOME[1]}
    made = make_crew(name, **home | fields)
    made.categories.set(skills)
    return made


def start(client: APIClient, **payload: Any) -> Any:
    """The answer to the start of a plan of the streets department."""
    values = {"department": "streets", "day": next_monday().isoformat(), "rounds": 1} | payload
    return client.post("/api/v1/jobs/", {"job_type": "optimization", "payload": values})


def planned(client: APIClient, **payload: Any) -> dict[str, Any]:
    """The finished plan."""
    answer = start(client, **payload)
    assert answer.status_code == 202, answer.json()
    run_tasks()
    job = client.get(answer["Location"]).json()
    assert job["state"] == "succeeded", job
    plan: dict[str, Any] = client.get(f"{PLANS}{job['id']}/").json()
    return plan


def titles(plan: dict[str, Any]) -> dict[str, list[str]]:
    return {route["name"]: [stop["title"] for stop in route["stops"]] for route in plan["routes"]}


@pytest.fixture
def clerk() -> User:
    return make_clerk()


@pytest.fixture
def client(clerk: User, as_user: SignIn) -> APIClient:
    return as_user(clerk)


def test_crews_do_what_they_can_by_their_skills_and_nothing_twice(client: APIClient) -> None:
    lamp, hole = make_category("lamp"), make_category("pothole")
    crew("Lamps", lamp)
    crew("All")
    make_report(title="lamp", category=lamp, **north(1))
    make_report(title="hole", category=hole, **north(2))
    make_report(title="new", category=hole, status=Status.NEW)
    make_report(title="elsewhere", department=make_department("parks"))
    plan = planned(client)
    done = titles(plan)
    assert sorted(title for stops in done.values() for title in stops) == ["hole", "lamp"]
    assert "hole" in done["All"]
    assert plan["result"]["not_considered"] == {"new": 1}
    only_lamps = planned(client, crews=[Crew.objects.get(name="Lamps").pk])
    assert titles(only_lamps) == {"Lamps": ["lamp"]}
    (left,) = only_lamps["left_out"]
    assert (left["title"], left["reason"]) == ("hole", "no_skill")


def test_a_day_keeps_to_the_shift_its_break_and_the_reserve(client: APIClient) -> None:
    hours = {"mon": "08:00-10:00, 10:30-12:00"}
    crew(shift_hours=hours)
    make_category(service_minutes=20)
    for number in range(14):
        make_report(title=str(number), category=make_category(), **north(number / 10))
    make_report(title="far", **north(60))
    plan = planned(client)
    (route,) = plan["routes"]
    pause = datetime.fromisoformat(route["pause_begins_at"])
    assert at("9:30") <= pause <= at("10:30")
    work = [
        (datetime.fromisoformat(stop["begins_at"]), datetime.fromisoformat(stop["ends_at"]))
        for stop in route["stops"]
    ]
    assert all(end <= pause or begin >= pause + timedelta(minutes=30) for begin, end in work)
    assert datetime.fromisoformat(route["begins_at"]) == at("8:00")
    assert datetime.fromisoformat(route["ends_at"]) <= at("12:00")
    reasons = {one["title"]: one["reason"] for one in plan["left_out"]}
    assert reasons.pop("far") == "too_far"
    assert set(reasons.values()) == {"no_time"}
    assert len(route["stops"]) + len(reasons) == 14
    shorter = planned(client, reserve_minutes=60)
    assert datetime.fromisoformat(shorter["routes"][0]["ends_at"]) <= at("11:00")
    assert 0 < len(shorter["routes"][0]["stops"]) < len(route["stops"])


def test_the_forecast_of_urgent_reports_keeps_time_free(client: APIClient) -> None:
    crew()
    holes = make_category(service_minutes=45)
    make_report(severity=Severity.HIGH, category=holes)
    make_report(category=holes)
    result = make_result(job_type="forecast", result={})
    ArrivalForecast.objects.create(
        result=result, day=next_monday(), category=holes, expected=4, low=2, high=7
    )
    assert planned(client)["result"]["reserve_minutes"] == 90  # half of 4 × 45 minutes
    assert planned(client, reserve_minutes=0)["result"]["reserve_minutes"] == 0


def test_deadlines_and_severity_come_first(client: APIClient) -> None:
    crew(shift_hours={"mon": "08:00-10:00"})
    for number in range(4):
        make_report(title=str(number), **north(number / 10))
    make_report(title="due", due_at=at("9:00"), **north(3))
    make_report(title="severe", severity=Severity.CRITICAL, **north(4))
    plan = planned(client)
    (stops,) = titles(plan).values()
    assert {"due", "severe"} <= set(stops)
    assert plan["result"]["deadlines_kept"] == 1
    due = next(stop for stop in plan["routes"][0]["stops"] if stop["title"] == "due")
    assert due["is_in_time"] is True
    first = planned(client, reports_maximum=1)
    assert titles(first) == {"First crew": ["severe"]}
    assert {one["reason"] for one in first["left_out"]} == {"beyond_limit"}


def test_reports_that_a_crew_has_stay_with_it_unless_they_may_move(client: APIClient) -> None:
    near, far = crew("Near"), crew("Far", home_latitude=41.6)
    make_report(title="theirs", crew=far, status=Status.ASSIGNED, **north(1))
    make_report(title="begun", crew=far, status=Status.IN_PROGRESS, **north(30))
    make_report(title="a person's", assignee=make_clerk(), status=Status.ASSIGNED)
    assert {*titles(planned(client))["Far"]} == {"theirs", "begun"}
    assert titles(planned(client, assigned="move")) == {"Near": ["theirs"], "Far": ["begun"]}
    assert titles(planned(client, assigned="leave")) == {}
    assert near.is_active


def scattered(count: int = 9) -> None:
    """Reports in a pattern without order."""
    for number in range(count):
        place = (number * 7 % count / 100, number * 5 % count / 100)
        make_report(latitude=HOME[0] + place[0], longitude=HOME[1] + place[1])


def test_the_same_seed_gives_the_same_plan(client: APIClient) -> None:
    crew("North")
    crew("South", home_latitude=41.2)
    scattered()
    one, other = planned(client, seed=5, rounds=2), planned(client, seed=5, rounds=2)
    assert one["id"] != other["id"]
    assert one["result"]["is_repeatable"]
    digests = JobResult.objects.values_list("digest", flat=True)
    assert digests[0] == digests[1]
    Report.objects.order_by("pk").last().delete()  # type: ignore[union-attr]
    planned(client, seed=5, rounds=2)
    assert JobResult.objects.values("digest").distinct().count() == 2


def when_kept(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Call `act` each time a plan is kept, with how often that was."""
    times = iter(range(1, 1_000))
    monkeypatch.setattr(planning, "failpoint", lambda _: act(next(times)))
    monkeypatch.setattr(planning, "KEEPING_SECONDS", 0.0)
    monkeypatch.setattr(planning, "SHOWING_SECONDS", 0.0)


def test_a_cancelled_job_keeps_the_best_plan_so_far(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew()
    scattered()
    answer = start(client, rounds=200, seconds=900)
    job_id = answer.json()["id"]

    def cancel(times: int) -> None:
        if times == 1:
            client.post(f"{answer['Location']}cancel/")

    when_kept(monkeypatch, cancel)
    run_tasks(raise_errors=False)
    job = client.get(answer["Location"]).json()
    assert job["state"] == "cancelled"
    assert job["progress"]["counts"]["reports"] == 9
    plan = client.get(f"{PLANS}{job_id}/").json()
    assert plan["is_partial"]
    assert len(plan["routes"][0]["stops"]) == 9
    assert not plan["result"]["is_repeatable"]
    assert client.post(f"{PLANS}{job_id}/apply/").json() == {"done": 9, "left": []}


class Killed(BaseException):
    """The worker is gone."""


def test_a_killed_job_goes_on_from_its_last_round(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew("North")
    crew("South", home_latitude=41.2)
    scattered()
    whole = planned(client, rounds=3)["result"]
    searched: list[int] = []
    improve = improving.improve

    def noted(problem: Any, options: Any, begin: Any) -> Any:
        searched.append(begin.rounds)
        return improve(problem, options, begin)

    monkeypatch.setattr(improving, "improve", noted)

    def kill(_: int) -> None:
        checkpoint = Task.objects.get(pk=job_id).checkpoint
        if len(searched) == 1 and checkpoint and checkpoint["rounds"] == 2:
            raise Killed

    when_kept(monkeypatch, kill)
    job_id = start(client, rounds=3).json()["id"]
    run_tasks(raise_errors=False)
    assert Task.objects.get(pk=job_id).state == State.RETRYING
    advance(timedelta(hours=1))
    run_tasks()
    assert searched == [0, 2]
    plan = client.get(f"{PLANS}{job_id}/").json()
    assert plan["result"] == whole
    assert DispatchStop.objects.filter(plan=job_id).count() == 9
    digests = JobResult.objects.values_list("digest", flat=True)
    assert digests[0] == digests[1]


def test_what_was_closed_while_a_worker_was_gone_is_not_planned(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew()
    scattered(4)
    job_id = start(client, rounds=2).json()["id"]

    def kill(_: int) -> None:
        if Report.objects.exclude(status=Status.TRIAGED).exists():
            return
        if Task.objects.get(pk=job_id).checkpoint:
            raise Killed

    when_kept(monkeypatch, kill)
    run_tasks(raise_errors=False)
    gone = DispatchStop.objects.filter(plan=job_id).first()
    assert gone is not None
    Report.objects.filter(pk=gone.report_id).update(status=Status.CLOSED, closed_at=timezone.now())
    advance(timedelta(hours=1))
    run_tasks()
    stops = DispatchStop.objects.filter(plan=job_id)
    assert stops.count() == 3
    assert not stops.filter(report=gone.report_id).exists()


# --- Applying and undoing ------------------------------------------------------------------------


def act(client: APIClient, plan: DispatchPlan, what: str, status: int = 200) -> dict[str, Any]:
    answer = client.post(f"{PLANS}{plan.pk}/{what}/")
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status, body
    return body


def test_a_plan_is_applied_once_by_the_steps_of_the_workflow(client: APIClient) -> None:
    reports = [make_report(), make_report(status=Status.REOPENED)]
    plan = make_plan(*reports)
    assert act(client, plan, "apply") == {"done": 2, "left": []}
    for report in Report.objects.all():
        assert (report.status, report.crew) == (Status.ASSIGNED, make_crew())
        line = report.history.last()
        assert line is not None
        assert (line.step, line.version) == ("assign", report.version)
    assert "already" in act(client, plan, "apply", 409)["detail"]
    assert Report.objects.filter(history__step="assign").count() == 2
    run_tasks()
    event = AuditEvent.objects.get(event="dispatch.plan_applied")
    assert event.data == {"reports": 2, "left": 0}
    assert act(client, plan, "undo") == {"done": 2, "left": []}
    left = {(report.status, report.crew) for report in Report.objects.all()}
    assert left == {(Status.REOPENED, None), (Status.TRIAGED, None)}
    assert "already" in act(client, plan, "undo", 409)["detail"]
    assert "already" in act(client, plan, "apply", 409)["detail"]


def test_what_has_changed_since_is_left_with_the_reason(client: APIClient, clerk: User) -> None:
    planned_for, other = make_crew(), make_crew("Other crew")
    ready, theirs, closed, moved, given, handed = (
        make_report(title=title) for title in ("a", "b", "c", "d", "e", "f")
    )
    theirs = make_report(title="b", status=Status.ASSIGNED, crew=planned_for)
    plan = make_plan(ready, theirs, closed, moved, given, handed)
    step(closed, "close", clerk)
    Report.objects.filter(pk=moved.pk).update(latitude=41.4)
    step(given, "assign", clerk, assignee=other)
    Report.objects.filter(pk=handed.pk).update(department=make_department("parks"))
    outcome = act(client, plan, "apply")
    assert outcome["done"] == 2
    reasons = {one["report"]: one["reason"] for one in outcome["left"]}
    assert reasons[str(closed.pk)] == "It is closed now."
    assert reasons[str(moved.pk)] == "Its place has changed since."
    assert reasons[str(given.pk)] == "It was assigned to Other crew since."
    assert "staff of the department" in reasons[str(handed.pk)]
    assert Report.objects.get(pk=given.pk).crew == other
    states = DispatchStop.objects.order_by("position").values_list("state", flat=True)
    assert list(states) == ["assigned", "assigned", *["skipped"] * 4]
    assert act(client, plan, "undo")["done"] == 1  # it had one of them before
    assert Report.objects.get(pk=theirs.pk).crew == planned_for


def step(report: Report, name: str, by: User, **inputs: Any) -> None:
    transitions.take(report, name, by=by, roles=roles_in(report, by), inputs=Inputs(**inputs))


def test_a_plan_of_a_crew_that_is_gone_changes_nothing(client: APIClient) -> None:
    plan = make_plan(make_report())
    Crew.objects.update(is_active=False)
    detail = act(client, plan, "apply", 409)["detail"]
    assert "The crew First crew does not work any more." in detail
    assert Report.objects.get().status == Status.TRIAGED
    assert DispatchPlan.objects.get().applied_at is None


def test_undoing_leaves_what_went_on_and_says_so(client: APIClient, clerk: User) -> None:
    quiet, begun, edited = (make_report() for _ in range(3))
    plan = make_plan(quiet, begun, edited)
    act(client, plan, "apply")
    step(Report.objects.get(pk=begun.pk), "start", clerk)
    Report.objects.filter(pk=edited.pk).update(title="Deeper than it was")
    outcome = act(client, plan, "undo")
    assert outcome["done"] == 1
    reasons = {one["report"]: one["reason"] for one in outcome["left"]}
    assert reasons[str(begun.pk)] == "Another step was taken with it since."
    assert reasons[str(edited.pk)] == "The report has changed since its last step."
    assert Report.objects.get(pk=begun.pk).crew == make_crew()
    assert Report.objects.get(pk=quiet.pk).crew is None


def test_only_who_applied_a_plan_and_managers_undo_it(client: APIClient, as_user: SignIn) -> None:
    plan = make_plan(make_report())
    act(client, plan, "apply")
    other, manager = make_clerk(), make_clerk()
    DepartmentMembership.objects.filter(user=manager).update(is_manager=True)
    assert "Only a manager" in act(as_user(other), plan, "undo", 409)["detail"]
    assert act(as_user(manager), plan, "undo")["done"] == 1


def test_a_plan_that_is_still_being_improved_is_not_applied(client: APIClient) -> None:
    crew()
    make_report()
    job_id = start(client).json()["id"]
    kept = make_result(job_type="optimization", task_id=job_id)
    plan = DispatchPlan.objects.create(result=kept, department=make_department(), day=next_monday())
    assert "still being improved" in act(client, plan, "apply", 409)["detail"]
    interventions.cancel(Task.objects.get(pk=job_id).pk)
    assert "no report" in act(client, plan, "apply", 409)["detail"]


def test_a_job_that_is_run_again_leaves_an_applied_plan_alone(client: APIClient) -> None:
    crew()
    report = make_report()
    answer = start(client)
    kept = make_result(job_type="optimization", task_id=answer.json()["id"])
    make_plan(result=kept, applied_at=timezone.now())
    run_tasks(raise_errors=False)
    assert client.get(answer["Location"]).json()["state"] == "dead"
    assert not DispatchStop.objects.filter(report=report).exists()


# --- Who may, and what is refused ----------------------------------------------------------------


def test_departments_see_and_plan_their_own_crews_only(as_user: SignIn) -> None:
    parks = make_department("parks")
    stranger = as_user(make_staff(parks))
    crew()
    plan = make_plan(make_report())
    refused = start(stranger)
    assert refused.status_code == 400
    assert "no such department" in json.dumps(refused.json())
    assert stranger.get(PLANS).json()["results"] == []
    for path in ("", "geojson/"):
        assert stranger.get(f"{PLANS}{plan.pk}/{path}").status_code == 404
    for path in ("apply/", "undo/"):
        assert stranger.post(f"{PLANS}{plan.pk}/{path}").status_code == 404
    assert stranger.get(f"/api/v1/job-results/{plan.pk}/").status_code == 404
    colleague = as_user(make_clerk())
    assert len(colleague.get(PLANS, {"department": "streets"}).json()["results"]) == 1
    assert colleague.get(PLANS, {"department": "streetz"}).status_code == 400
    assert colleague.get(f"/api/v1/job-results/{plan.pk}/").status_code == 200
    assert start(as_user(make_user())).status_code == 403


def test_a_crew_takes_no_reports_of_a_department_beside_it(as_user: SignIn) -> None:
    works = make_department("works")
    lamps = make_department("lamps", parent=works)
    roads = make_department("roads", parent=works)
    crew("Lamps", department=lamps)
    crew("Works", department=works)
    make_report(title="road", department=roads, **north(1))
    make_report(title="works", department=works, **north(1))
    plan = planned(as_user(make_staff(works)), department="works")
    assert {*titles(plan)["Works"]} == {"road", "works"}
    assert "Lamps" not in titles(plan)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"department": "nowhere"}, "department"),
        ({"day": "2020-01-01"}, "day"),
        ({"day": (next_monday() + timedelta(days=5)).isoformat()}, "day"),
        ({"crews": [999_999]}, "crews"),
        ({"categories": ["nothing"]}, "categories"),
        ({"reserve_minutes": -1}, "reserve_minutes"),
        ({"rounds": 10**9}, "rounds"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    client: APIClient, payload: dict[str, Any], field: str
) -> None:
    crew()
    answer = start(client, **payload)
    assert answer.status_code == 400
    assert field in json.dumps(answer.json()["errors"])
    assert not Task.objects.filter(job_type="optimization").exists()


def test_without_ortools_nothing_starts_and_the_answer_says_what_is_missing(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> ModuleSpec | None:
        assert name == "ortools"
        return None

    monkeypatch.setattr(improving, "find_spec", find)
    crew()
    answer = start(client)
    assert answer.status_code == 501
    assert "requirements-dispatch.txt" in answer.json()["detail"]
    assert not Task.objects.filter(job_type="optimization").exists()


# --- Travel on streets ---------------------------------------------------------------------------


def table(asked: Asked) -> Reply:
    """Every drive takes two minutes and 1,000 metres; there is no road to the fourth place."""
    places = asked.path.rpartition("/")[2].split(";")
    starts = [places[int(number)] for number in asked.query["sources"].split(";")]
    ends = [places[int(number)] for number in asked.query["destinations"].split(";")]

    def rows(value: float) -> list[list[float | None]]:
        return [
            [None if a != b and b.endswith(",41.700000") else 0 if a == b else value for b in ends]
            for a in starts
        ]

    return Reply(json.dumps({"code": "Ok", "durations": rows(120), "distances": rows(1_000)}))


class AnyPath(dict[str, Any]):
    """Answers every path in the same way."""

    def get(self, _key: str, _default: Any = None) -> Any:
        return self["answer"]


@pytest.fixture
def osrm(settings: LazySettings) -> Any:
    with outside_server() as server:
        server.routes = AnyPath(answer=table)
        settings.DISPATCH_OSRM_URL = server.url
        settings.DISPATCH_OSRM_PLACES = 4
        settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        yield server


def test_travel_is_asked_from_a_server_in_parts_that_it_takes(
    client: APIClient, osrm: Outside
) -> None:
    crew()
    for place in (north(1), north(2), {"latitude": 41.7, "longitude": -72.9}):
        make_report(**place)
    plan = planned(client, rounds=1)
    assert all(asked.path.count(";") <= 3 for asked in osrm.asked)
    assert len(osrm.asked) == 4
    assert plan["result"]["travel"] == {"source": "osrm", "fault": "", "estimated_pairs": 3}
    drives = {stop["metres"] for stop in plan["routes"][0]["stops"]}
    assert 1_000 in drives


@pytest.mark.parametrize(
    "answer", [Reply("busy", 503), Reply("[]"), Reply('{"durations": [[-1]]}')]
)
def test_a_server_that_fails_is_done_without_and_the_plan_says_so(
    client: APIClient, osrm: Outside, answer: Reply
) -> None:
    osrm.routes = AnyPath(answer=lambda _: answer)
    crew()
    make_report(**north(10))
    result = planned(client)["result"]
    assert result["travel"]["source"] == "great_circle"
    assert result["travel"]["fault"]
    assert not result["is_repeatable"]
    assert result["metres"] == pytest.approx(26_000, rel=0.001)  # 2 × 10 km × 1.3


# --- The desk, and files -------------------------------------------------------------------------


def test_the_desk_starts_shows_prints_applies_and_undoes_a_plan(clerk: User) -> None:
    desk = Client()
    desk.force_login(clerk, backend="accounts.backends.StaffBackend")
    first, _idle = crew(), crew("Idle", shift_hours={"sun": "08:00-09:00"})
    report = make_report(
        title="<b>Deep</b> hole", address="12 Main Street", due_at=at("9:00"), **north(1)
    )
    make_report(title="with the crew", crew=first, status=Status.ASSIGNED, **north(2))
    make_report(title="too far", **north(80))
    form = {
        "department": "streets", "day": next_monday().isoformat(), "crews": [first.pk],
        "assigned": "keep", "reserve_minutes": 0, "reports_maximum": 50, "rounds": 1,
        "seconds": 30, "seed": 1,
    }  # fmt: skip
    assert b"Plan a day" in desk.get("/admin/reports/dispatchplan/").content
    assert desk.get("/admin/reports/dispatchplan/start/").status_code == 200
    wrong = desk.post("/admin/reports/dispatchplan/start/", form | {"rounds": 0})
    assert b"greater than or equal to 1" in wrong.content
    follow = desk.post("/admin/reports/dispatchplan/start/", form)
    assert b"Queued" in desk.get(follow["Location"]).content
    run_tasks()
    page = desk.get(desk.get(follow["Location"])["Location"]).content.decode()
    assert "&lt;b&gt;Deep&lt;/b&gt; hole" in page
    assert "No crew gets there" in page
    plan = DispatchPlan.objects.get()
    base = f"/admin/reports/dispatchplan/{plan.pk}/"
    sheet = desk.get(f"{base}sheets/").content.decode()
    assert sheet.count("<section>") == 1
    assert "12 Main Street" in sheet
    assert "too far" not in sheet
    unchanged = "One of its reports was with its crew before the plan, and stays there."
    page = desk.post(f"{base}apply/", follow=True).content.decode()
    assert ("Undo" in page, unchanged in page) == (True, True)
    assert Report.objects.get(pk=report.pk).crew == first
    page = desk.post(f"{base}undo/", follow=True).content.decode()
    assert ("1 taken back." in page, unchanged in page) == (True, True)
    assert Report.objects.get(pk=report.pk).crew is None
    stranger = Client()
    stranger.force_login(
        make_staff(make_department("parks")), backend="accounts.backends.StaffBackend"
    )
    for path in ("change/", "sheets/", "geojson/"):
        assert stranger.get(base + path).status_code == 404
    assert stranger.post(f"{base}apply/").status_code == 404


def test_a_plan_is_a_file_of_lines_and_points(client: APIClient) -> None:
    crew()
    make_report(title="near", **north(1))
    make_report(title="far", **north(2))
    plan = planned(client)
    answer = client.get(f"{PLANS}{plan['id']}/geojson/")
    assert answer["Content-Type"] == "application/geo+json"
    line, *points = json.loads(answer.content)["features"]
    home = [HOME[1], HOME[0]]
    coordinates = line["geometry"]["coordinates"]
    assert (coordinates[0], coordinates[-1], len(coordinates)) == (home, home, 4)
    assert [point["geometry"]["coordinates"] for point in points] == coordinates[1:-1]
    assert {point["properties"]["title"] for point in points} == {"near", "far"}
    rows = client.get(f"/api/v1/job-results/{plan['id']}/export/", {"form": "csv"})
    assert rows.content.decode().count("\n") == 4
    assert DispatchLeftOut.objects.count() == 0
