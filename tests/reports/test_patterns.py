"""The job type `reports.patterns`: what it finds, from where it goes on, and who sees what."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from rest_framework.test import APIClient

import jobs
from jobs.execution import attempts
from jobs.models import JobResult, Task
from jobs.operations import actions
from jobs.states import State
from jobs.testing import run_tasks
from jobs.worker import heartbeat
from reports.models import Category, PatternFinding, Report, Status
from reports.patterns import running
from reports.patterns.actors import find_patterns
from reports.patterns.search import Source
from reports.patterns.searching import Course, Part
from tests.reports.conftest import SignIn
from tests.reports.desk import signed_in
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

BEGIN = datetime(2025, 1, 1, 12, tzinfo=UTC)
END = "2026-01-01T00:00:00Z"
QUICK: dict[str, Any] = {"until": END, "since": "2025-01-01T00:00:00Z", "permutations": 99}
NOBODYS = "01890000-0000-7000-8000-000000000000"
CROWD_PLACE = (41.3101, -72.9)


def add(category: Category | None, places: list[tuple[float, float, float]], **fields: Any) -> None:
    """Add public reports: latitude, longitude and days after BEGIN of each."""
    reports = [
        Report(
            title="Deep hole",
            description="It is deep.",
            latitude=latitude,
            longitude=longitude,
            category=category,
            department=category.department if category else make_department(),
            status=Status.TRIAGED,
            created_at=BEGIN + timedelta(days=day),
            published_at=BEGIN + timedelta(days=day),
        )
        for latitude, longitude, day in places
    ]
    for report in reports:
        for name, value in fields.items():
            setattr(report, name, value)
    Report.objects.bulk_create(reports)


def scattered(seed: int, count: int = 200) -> list[tuple[float, float, float]]:
    chance = random.Random(seed)
    return [
        (41.3 + chance.gauss(0, 0.02), -72.9 + chance.gauss(0, 0.02), chance.randrange(360))
        for _ in range(count)
    ]


def crowd(day: float = 200, count: int = 9) -> list[tuple[float, float, float]]:
    return [(*CROWD_PLACE, day + number % 3) for number in range(count)]


@pytest.fixture
def city() -> Category:
    """Two kinds of reports, one of which crowds at one place in July."""
    hole, lamp = make_category("pothole"), make_category("lamp")
    add(hole, scattered(1) + crowd())
    add(lamp, scattered(2))
    return hole


def start(client: APIClient, **payload: Any) -> str:
    body = {"job_type": "reports.patterns", "payload": QUICK | payload}
    answer = client.post("/api/v1/jobs/", body, "json")
    assert answer.status_code == 202, answer.content
    return str(answer.json()["id"])


def search(client: APIClient, **payload: Any) -> dict[str, Any]:
    """Run a search; return the kept result."""
    job = start(client, **payload)
    run_tasks()
    kept = client.get(f"/api/v1/job-results/{job}/")
    assert kept.status_code == 200, kept.content
    answer: dict[str, Any] = kept.json()
    return answer


def exported(client: APIClient, kept: dict[str, Any], form: str = "json") -> Any:
    answer = client.get(f"/api/v1/job-results/{kept['id']}/export/", {"form": form})
    assert answer.status_code == 200
    return json.loads(answer.content)


def without_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def test_a_crowd_is_kept_with_its_reports_and_exported(city: Category, as_user: SignIn) -> None:
    staff = as_user(make_staff(make_department()))
    kept = search(staff)
    assert kept["result"]["reports"] == 409
    assert kept["result"]["crowds"] == 1
    assert (kept["is_partial"], kept["seed"]) == (False, 1)
    assert kept["inputs"]["cell_meters"] == 400
    row = next(row for row in exported(staff, kept) if row["kind"] == "crowd")
    assert (row["category"], row["first_day"], row["last_day"]) == (
        "pothole",
        "2025-07-20",
        "2025-07-22",
    )
    assert row["reports"] >= 9
    assert row["expected"] < 2
    assert row["p_value"] < 0.01
    finding = PatternFinding.objects.get(pk=row["id"])
    assert finding.concerned().count() == row["reports"]
    assert "were to be expected" in row["summary"]
    collection = exported(staff, kept, "geojson")
    (feature,) = [one for one in collection["features"] if one["properties"]["kind"] == "crowd"]
    west, south = feature["geometry"]["coordinates"][0][0]
    east, north = feature["geometry"]["coordinates"][0][2]
    assert south <= CROWD_PLACE[0] <= north
    assert west <= CROWD_PLACE[1] <= east


def test_an_equal_seed_gives_an_equal_result_and_another_one_another(
    city: Category, as_user: SignIn
) -> None:
    staff = as_user(make_staff(make_department()))
    first, again, other = search(staff), search(staff), search(staff, seed=2)
    assert first["digest"] == again["digest"] != other["digest"]
    assert without_ids(exported(staff, first)) == without_ids(exported(staff, again))


def test_shuffled_dates_have_no_crowd(city: Category, as_user: SignIn) -> None:
    reports = list(Report.objects.order_by("created_at", "latitude"))
    days = [report.created_at for report in reports]
    random.Random(5).shuffle(days)
    for report, at in zip(reports, days, strict=True):
        report.created_at = at
    Report.objects.bulk_update(reports, ["created_at"])
    assert search(as_user(make_staff(make_department())))["result"]["crowds"] <= 1


def test_what_comes_back_after_repairs_is_found(as_user: SignIn) -> None:
    dumping = make_category("dumping")
    for day in (10, 60, 110):
        closed_at = BEGIN + timedelta(days=day + 5)
        add(dumping, [(41.3, -72.9, day)], status=Status.CLOSED, closed_at=closed_at)
    add(dumping, [(41.3001, -72.9, 150)])
    add(dumping, [(41.35, -72.9, day) for day in (10, 60, 110)])  # never repaired
    staff = as_user(make_staff(make_department()))
    (row,) = exported(staff, search(staff))
    assert (row["kind"], row["strength"], row["reports"]) == ("recurrence", 3, 4)
    assert row["median_pause_days"] == 45
    assert PatternFinding.objects.get().concerned().count() == 4


def test_a_topic_rises_with_the_words_that_name_it(city: Category, as_user: SignIn) -> None:
    new = {"title": "Lanternflies", "description": "Lanternflies on our maple"}
    add(None, [(41.3, -72.9, 350 + day % 10) for day in range(8)], **new)
    staff = as_user(make_staff(make_department()))
    rows = exported(staff, search(staff))
    topic = next(row for row in rows if row["kind"] == "topic")
    assert {"lanternflies", "maple"} <= set(topic["words"])
    assert topic["reports"] == 8
    assert PatternFinding.objects.get(pk=topic["id"]).concerned().count() == 8


def test_only_public_reports_of_the_box_the_days_and_the_category_count(
    city: Category, as_user: SignIn
) -> None:
    add(city, [(41.3, -72.9, 100)] * 3, published_at=None)
    add(city, [(50.0, 8.0, 100)] * 3)
    add(city, [(41.3, -72.9, -30)] * 3)
    staff = as_user(make_staff(make_department()))
    box = [-73.2, 41.0, -72.6, 41.6]
    assert search(staff, bbox=box)["result"]["reports"] == 409
    assert search(staff, bbox=box, category="pothole")["result"]["reports"] == 209


def test_a_city_without_reports_has_no_patterns(as_user: SignIn) -> None:
    kept = search(as_user(make_staff(make_department())))
    assert kept["result"]["first_day"] is None
    assert not kept["is_partial"]


def evaluated(*arguments: str) -> str:
    out = StringIO()
    period = ("--since", QUICK["since"], "--until", END)
    call_command("evaluate_patterns", "--shuffles", "8", *period, *arguments, stdout=out)
    return out.getvalue()


def test_the_command_counts_what_shuffled_dates_bring(city: Category) -> None:
    figures = json.loads(evaluated("--json"))
    assert figures["found"]["crowds"] == 1
    assert figures["shuffled"]["crowds"]["mean"] <= 0.5
    assert figures["shuffled"]["topics"]["mean"] <= 1 / 8
    assert figures["shuffled"]["seasons"]["mean"] <= 1 / 8


def test_the_command_writes_in_words_too(city: Category) -> None:
    Report.objects.filter(category=city).delete()
    assert "With shuffled dates, 8 times" in evaluated()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--shuffles", "0"),
        ("--since", "soon"),
        ("--since", "2025-01-01"),
        ("--until", "1999-01-01T00:00:00Z"),
    ],
)
def test_the_command_refuses_what_it_cannot_search(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        evaluated(*arguments)


# --- Killed, cancelled ---------------------------------------------------------------------------


def whole(staff: APIClient) -> tuple[str, list[dict[str, Any]]]:
    """Return digest and findings of a run that nothing disturbed."""
    kept = search(staff)
    return kept["digest"], without_ids(exported(staff, kept))


def test_a_failed_attempt_goes_on_from_its_checkpoint(
    city: Category, as_user: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = as_user(make_staff(make_department()))
    expected = whole(staff)
    advance = Course.advance
    done: list[Part | None] = []

    def fail_once(course: Course, source: Source) -> None:
        done.append(course.next)
        if len(done) == 4:
            raise ConnectionError("PostgreSQL went away.")
        advance(course, source)

    monkeypatch.setattr(Course, "advance", fail_once)
    job = start(staff)
    run_tasks(raise_errors=False)
    assert JobResult.objects.get(pk=job).is_partial
    run_tasks(until_delay=False)
    kept = staff.get(f"/api/v1/job-results/{job}/").json()
    assert (kept["digest"], without_ids(exported(staff, kept))) == expected
    repeated = [part for part, times in Counter(done).items() if times > 1]
    assert repeated == [done[3]]  # the one that failed


def test_a_cancelled_run_keeps_what_it_has_found(
    city: Category, as_user: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_staff(make_department())
    staff = as_user(user)
    job = start(staff)
    progress = jobs.RunningTask.progress

    def cancel_then_show(
        task: jobs.RunningTask, fraction: float, stage: str, **counts: int
    ) -> None:
        if counts["searches"] == 2:
            actions.cancel([task.id], by=user.pk)
        progress(task, fraction, stage, **counts)

    monkeypatch.setattr(jobs.RunningTask, "progress", cancel_then_show)
    state, _ = attempts.run(find_patterns, Task.objects.get(pk=job).pk, uuid4())
    assert state == State.CANCELLED
    kept = staff.get(f"/api/v1/job-results/{job}/").json()
    assert (kept["is_partial"], kept["result"]["searches"]) == (True, 2)
    assert [row["kind"] for row in exported(staff, kept)] == ["crowd"]


def test_a_long_search_is_cancelled_before_its_end(
    city: Category, as_user: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_staff(make_department())
    staff = as_user(user)
    job = start(staff)
    monkeypatch.setattr(running, "WATCH_SECONDS", 0)
    progress, shown = jobs.RunningTask.progress, []

    def cancel_then_show(
        task: jobs.RunningTask, fraction: float, stage: str, **counts: int
    ) -> None:
        shown.append(counts["searches"])
        if shown == [0, 0, 0]:
            actions.cancel([task.id], by=user.pk)
        progress(task, fraction, stage, **counts)

    monkeypatch.setattr(jobs.RunningTask, "progress", cancel_then_show)
    state, _ = attempts.run(find_patterns, Task.objects.get(pk=job).pk, uuid4())
    assert (state, shown) == (State.CANCELLED, [0, 0, 0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.campaign
def test_a_killed_run_goes_on_and_counts_nothing_twice(
    as_user: SignIn, process_environment: dict[str, str], tmp_path: Path
) -> None:
    hole = make_category("pothole")
    add(hole, scattered(1) + crowd())
    add(make_category("lamp"), scattered(2))
    staff = as_user(make_staff(make_department()))
    expected = whole(staff)
    job = start(staff)
    killing = {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "DEBUG": "on",
        "JOBS_TRANSPORT": "embedded",
        "RABBITMQ_URL": "",
        "PYTHONPATH": str(Path.cwd()),
        "JOBS_FAILPOINTS": "after_effects=kill@3",
        "JOBS_FAILPOINTS_LOG": str(tmp_path / "hits"),
    }
    script = "import django; django.setup(); from jobs.testing import run_tasks; run_tasks()"
    killed = subprocess.run(
        [sys.executable, "-c", script],
        env=process_environment | killing,
        cwd=Path.cwd(),
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    checkpoint = Task.objects.get(pk=job).checkpoint or {}
    assert len(checkpoint["outcomes"]) == 2
    assert JobResult.objects.get(pk=job).is_partial
    heartbeat.rescue()
    run_tasks(until_delay=False)
    kept = staff.get(f"/api/v1/job-results/{job}/").json()
    assert (kept["digest"], without_ids(exported(staff, kept))) == expected


# --- Who may, and the desk -----------------------------------------------------------------------


def test_citizens_neither_search_nor_read(city: Category, as_user: SignIn) -> None:
    kept = search(as_user(make_staff(make_department())))
    citizen = as_user(make_user())
    body = {"job_type": "reports.patterns", "payload": QUICK}
    assert citizen.post("/api/v1/jobs/", body, "json").status_code == 403
    assert citizen.get(f"/api/v1/job-results/{kept['id']}/").status_code == 404
    assert citizen.get(f"/api/v1/job-results/{kept['id']}/export/").status_code == 404


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"permutations": 5}, "payload.permutations"),
        ({"false_discovery_rate": 2}, "payload.false_discovery_rate"),
        ({"seed": -1}, "payload.seed"),
        ({"bbox": [1, 2, 3]}, "payload.bbox"),
        ({"category": "dragon"}, "payload.category"),
        ({"since": END, "until": "2025-06-01T00:00:00Z"}, "payload.since"),
        ({"colour": "red"}, "payload.colour"),
    ],
)
def test_a_bad_payload_is_refused(as_user: SignIn, payload: dict[str, Any], field: str) -> None:
    body = {"job_type": "reports.patterns", "payload": QUICK | payload}
    answer = as_user(make_staff(make_department())).post("/api/v1/jobs/", body, "json")
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]


PAGE = "/admin/reports/patternfinding/"


def test_the_desk_shows_patterns_and_the_reports_of_ones_departments(
    city: Category, as_user: SignIn
) -> None:
    own, other = make_staff(make_department()), make_staff(make_department("parks"))
    kept = search(as_user(own))
    finding = PatternFinding.objects.get(result=kept["id"], kind="crowd")
    for user, count in ((own, finding.reports), (other, 0)):
        desk = signed_in(user)
        assert str(finding) in desk.get(PAGE).content.decode()
        assert str(finding) in desk.get(f"{PAGE}{finding.pk}/change/").content.decode()
        listed = desk.get("/admin/reports/report/", {"pattern": str(finding.pk)})
        assert listed.context["cl"].result_count == count
        collection = json.loads(desk.get(f"{PAGE}export/{kept['id']}/geojson/").content)
        assert len(collection["features"]) == PatternFinding.objects.count()


def test_the_desk_shows_the_newest_run_and_earlier_ones_on_demand(
    city: Category, as_user: SignIn
) -> None:
    user = make_staff(make_department())
    old = search(as_user(user))
    Report.objects.all().delete()
    search(as_user(user))
    desk = signed_in(user)
    assert "were to be expected" not in desk.get(PAGE).content.decode()
    assert "were to be expected" in desk.get(PAGE, {"run": old["id"]}).content.decode()


def test_the_desk_starts_a_search(city: Category) -> None:
    desk = signed_in(make_staff(make_department()))
    assert "Nothing has been searched yet" in desk.get(PAGE).content.decode()
    page = desk.post(f"{PAGE}search/", follow=True).content.decode()
    assert "The search has begun" in page
    refused = desk.post(f"{PAGE}search/", follow=True).content.decode()
    assert "You have as many jobs of this type under way" in refused
    assert Task.objects.filter(actor="find_patterns").count() == 1  # one at a time


@pytest.mark.parametrize("path", ["", "search/", f"export/{NOBODYS}/csv/", f"{NOBODYS}/ask-help/"])
def test_who_works_in_no_department_is_kept_out(path: str) -> None:
    for user, status in ((make_user(), 302), (make_user(is_staff=True), 403)):
        client = signed_in(user)
        answer = client.get(PAGE) if not path else client.post(f"{PAGE}{path}")
        assert answer.status_code == status


@pytest.mark.parametrize("address", ["?run=x", "?pattern=x"])
def test_bad_addresses_are_refused(address: str) -> None:
    desk = signed_in(make_staff(make_department()))
    page = PAGE if "run" in address else "/admin/reports/report/"
    assert desk.get(f"{page}{address}").status_code == 400


def test_the_schedule_searches_at_night_as_bulk_work() -> None:
    from config.schedule import SCHEDULE

    (entry,) = [entry for entry in SCHEDULE if entry.actor == "find_patterns"]
    assert entry.is_bulk
    make_report()
    with transaction.atomic():
        with_defaults = find_patterns.send(**entry.kwargs)
    run_tasks()
    assert JobResult.objects.get(pk=with_defaults.message_id).result["reports"] == 1
