"""Plans of crews' days that a job makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from jobs.models import JobResult, Task
from jobs.states import State
from jobs.testing import advance, run_tasks
from reports.dispatch import improving, planning
from reports.models import ArrivalForecast, Crew, DispatchStop, Report, Severity, Status
from tests.jobs.factories import make_result
from tests.reports.dispatching import (
    HOME,
    PLANS,
    at,
    crew,
    next_monday,
    north,
    planned,
    start,
    titles,
)
from tests.reports.factories import make_category, make_clerk, make_department, make_report

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


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
