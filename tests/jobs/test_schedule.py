"""The schedule: every tick once, missed ones as each entry says; and what has had its time is
deleted.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, transaction
from django.test import Client

from accounts.models import AuditEvent, User
from config.schedule import SCHEDULE
from jobs.errors import RunRefused
from jobs.models import ScheduleTick, Task
from jobs.testing import run_tasks
from jobs.urgency import Urgency
from jobs.worker import schedule, schedule_runs
from jobs.worker.schedule import Entry
from tests.jobs.probe.actors import probe_failing, probe_transactional

pytestmark = pytest.mark.slow

HOURLY = Entry(name="hourly", cron="0 * * * *", actor="probe_transactional", args=("tick",))
SKIPPING = Entry(
    name="skipping", cron="0 * * * *", actor="probe_transactional", args=("tick",), catch_up="skip"
)


@pytest.fixture(autouse=True)
def own_schedule(settings: LazySettings) -> None:
    settings.JOBS_SCHEDULE = "tests.jobs.test_schedule.ENTRIES"


ENTRIES = [HOURLY, SKIPPING]


def a_while_ago(name: str, hours: float) -> None:
    ScheduleTick.objects.filter(name=name).delete()
    ScheduleTick.objects.create(name=name, due_at=datetime.now(UTC) - timedelta(hours=hours))


@pytest.mark.django_db
def test_an_entry_seen_for_the_first_time_waits_for_its_next_tick() -> None:
    assert schedule.tick() == 0
    assert not Task.objects.exists()
    assert schedule.tick() == 0


@pytest.mark.django_db
def test_missed_ticks_run_once_or_are_skipped() -> None:
    a_while_ago("hourly", 30)
    a_while_ago("skipping", 30)
    sent = schedule.tick()
    hourly = ScheduleTick.objects.filter(name="hourly").latest("due_at")
    assert hourly.task_id is not None
    assert sent == 1 or datetime.now(UTC).minute == 0
    assert schedule.tick() == 0
    assert run_tasks() == sent


@pytest.mark.django_db(transaction=True)
def test_of_many_schedulers_one_sends() -> None:
    a_while_ago("hourly", 3)
    a_while_ago("skipping", 3)
    gate = threading.Barrier(8)

    def race() -> None:
        gate.wait()
        schedule.tick()
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ScheduleTick.objects.filter(name="hourly", task_id__isnull=False).count() == 1
    assert Task.objects.filter(actor="probe_transactional").count() <= 2


NEVER = Entry(name="never", cron="0 0 31 2 *", actor="probe_transactional", args=("tick",))
NONSENSE = Entry(name="nonsense", cron="61 * * * *", actor="probe_transactional", args=("tick",))
NOBODY = Entry(name="nobody", cron="0 * * * *", actor="nobody")
NOWHERE = Entry(name="nowhere", cron="0 * * * *", actor="probe_failing", time_zone="Mars/Olympus")
UNSENDABLE = Entry(name="unsendable", cron="* * * * *", actor="probe_transactional", args=("a\0b",))
FAULTY = [NEVER, NONSENSE, NOBODY, NOWHERE]
MIXED = [*FAULTY, UNSENDABLE, HOURLY]
TWICE = [HOURLY, HOURLY]


@pytest.mark.django_db
def test_a_faulty_entry_fails_alone(settings: LazySettings, client: Client) -> None:
    settings.JOBS_SCHEDULE = "tests.jobs.test_schedule.MIXED"
    a_while_ago("unsendable", 30)
    a_while_ago("hourly", 30)
    assert schedule.tick() == 1
    assert Task.objects.count() == 1
    client.force_login(
        User.objects.create_superuser("+12035550102"), backend="accounts.backends.StaffBackend"
    )
    assert "No day ever fits" in client.get("/admin/jobs/scheduletick/").content.decode()


def test_faulty_entries_are_named_before_anything_starts(settings: LazySettings) -> None:
    settings.JOBS_SCHEDULE = "tests.jobs.test_schedule.MIXED"
    with pytest.raises(SystemCheckError) as failed:
        call_command("check")
    for entry in FAULTY:
        assert repr(entry.name) in str(failed.value)
    assert "'hourly'" not in str(failed.value)
    settings.JOBS_SCHEDULE = "tests.jobs.test_schedule.TWICE"
    with pytest.raises(SystemCheckError, match="2 entries of the schedule are called 'hourly'"):
        call_command("check")
    settings.JOBS_SCHEDULE = "tests.jobs.test_schedule.NONE_SUCH"
    with pytest.raises(SystemCheckError, match="JOBS_SCHEDULE cannot be read"):
        call_command("check")


def runs(entry: Entry, day: datetime) -> list[str]:
    """When the entry runs within 24 hours, by UTC, as a scheduler sees it that looks each
    minute.
    """
    minutes = (day + timedelta(minutes=minute) for minute in range(24 * 60))
    times = {entry.last_due(minute).astimezone(UTC) for minute in minutes}
    return sorted(f"{time:%d %H:%M}" for time in times if time >= day)


AUTUMN = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # in Berlin 02:00 to 03:00 comes twice
SPRING = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)  # in Berlin 02:00 to 03:00 does not come


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["25 00:30"]),
        ("15,45 2 * * *", ["25 00:15", "25 00:45"]),
        ("30 1-3 * * *", ["25 00:30", "25 02:30"]),
        ("0 */12 * * *", ["25 11:00", "25 23:00"]),
    ],
)
def test_in_the_hour_that_autumn_repeats_an_entry_runs_once(cron: str, expected: list[str]) -> None:
    entry = Entry(name="x", cron=cron, actor="x", time_zone="Europe/Berlin")
    assert runs(entry, AUTUMN) == expected


def test_what_runs_every_hour_runs_in_both_passes_of_the_repeated_one() -> None:
    entry = Entry(name="x", cron="30 * * * *", actor="x", time_zone="Europe/Berlin")
    assert runs(entry, AUTUMN)[:3] == ["25 00:30", "25 01:30", "25 02:30"]
    assert len(runs(entry, AUTUMN)) == 24


def test_the_next_time_is_none_of_the_repeated_hour() -> None:
    entry = Entry(name="x", cron="30 2 * * *", actor="x", time_zone="Europe/Berlin")
    after_first = datetime(2026, 10, 25, 0, 31, tzinfo=UTC)
    assert entry.next_due(after_first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_in_the_hour_that_spring_leaves_out_a_daily_entry_runs_once_too() -> None:
    entry = Entry(name="x", cron="30 2 * * *", actor="x", time_zone="Europe/Berlin")
    assert len(runs(entry, SPRING)) == 1


def test_times_follow_the_entrys_time_zone() -> None:
    noon = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    entry = Entry(name="x", cron="30 8 * * *", actor="x", time_zone="America/New_York")
    assert entry.last_due(noon).astimezone(UTC) == datetime(2026, 6, 30, 12, 30, tzinfo=UTC)
    assert entry.next_due(noon).astimezone(UTC) == datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    assert entry.last_due(datetime(2026, 7, 1, 12, 30, tzinfo=UTC)).astimezone(UTC).hour == 12


def test_the_citys_schedule_is_sound() -> None:
    names = [entry.name for entry in SCHEDULE]
    assert len(names) == len(set(names))
    for entry in SCHEDULE:
        assert entry.next_due(datetime(2026, 1, 1, tzinfo=UTC)) > datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.django_db
def test_ended_tasks_are_pruned_after_their_retention_and_the_dead_are_kept_longer() -> None:
    with transaction.atomic():
        probe_transactional.send_many([(f"{number}",) for number in range(5)])
        probe_failing.send("luck")
        probe_transactional.send_with_options(args=("later",), delay=timedelta(days=1))
    run_tasks(raise_errors=False)
    Task.objects.filter(actor="probe_failing").update(state="dead")
    Task.objects.exclude(args=["later"]).update(finished_at=datetime.now(UTC) - timedelta(days=30))
    call_command("tasks", "prune", "--dry-run")
    assert Task.objects.count() == 7
    call_command("tasks", "prune")
    assert sorted(Task.objects.values_list("state", flat=True)) == ["dead", "queued"]
    Task.objects.filter(state="dead").update(finished_at=datetime.now(UTC) - timedelta(days=100))
    call_command("tasks", "prune", "--json")
    assert Task.objects.get().args == ["later"]


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(
        User.objects.create_superuser("+12035550102"), backend="accounts.backends.StaffBackend"
    )
    return client


SCHEDULE_PAGE, RUN_PAGE = "/admin/jobs/scheduletick/", "/admin/jobs/scheduletick/run/"


@pytest.mark.django_db
def test_the_admin_shows_when_each_entry_ran_and_runs_next(desk: Client) -> None:
    a_while_ago("hourly", 30)
    schedule.tick()
    run_tasks()
    page = desk.get(SCHEDULE_PAGE).content.decode()
    task = Task.objects.get()
    assert "0 * * * *" in page
    assert f"/admin/jobs/task/{task.id}/change/" in page
    [hourly, skipping] = schedule_runs.overview()
    assert (hourly.entry.name, skipping.entry.name) == ("hourly", "skipping")
    assert hourly.last is not None
    assert (hourly.last.task_id, hourly.last.state) == (task.id, "succeeded")
    assert task.started_at
    assert task.finished_at
    assert hourly.last.seconds == (task.finished_at - task.started_at).total_seconds()
    assert skipping.last is None


@pytest.mark.django_db
def test_an_entry_runs_once_under_two_presses(desk: Client) -> None:
    for _press in range(2):
        assert desk.post(RUN_PAGE, {"name": "hourly"})["Location"] == SCHEDULE_PAGE
    assert Task.objects.get(actor="probe_transactional").args == ["tick"]
    run_tasks()  # the task was over before the second press of an impatient hand
    answer = desk.post(RUN_PAGE, {"name": "hourly"}, follow=True).content.decode()
    assert "started a moment ago" in answer
    event = AuditEvent.objects.get(event="schedule.run")
    task = Task.objects.get(actor="probe_transactional")
    assert (event.subject, event.data) == ("schedule:hourly", {"task": str(task.pk)})
    assert schedule.tick() in (0, 1), "the clock goes on as before"


@pytest.mark.django_db
def test_no_run_is_started_while_one_is_under_way(desk: Client) -> None:
    desk.post(RUN_PAGE, {"name": "hourly"})
    ScheduleTick.objects.update(due_at=datetime.now(UTC) - timedelta(minutes=1))
    answer = desk.post(RUN_PAGE, {"name": "hourly"}, follow=True).content.decode()
    assert "is still queued" in answer
    run_tasks()
    desk.post(RUN_PAGE, {"name": "hourly"})
    assert Task.objects.filter(actor="probe_transactional").count() == 2


@pytest.mark.django_db
def test_a_run_by_hand_is_bulk_work_where_the_entry_is(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.jobs.test_schedule.ENTRIES", [replace(HOURLY, is_bulk=True)])
    desk.post(RUN_PAGE, {"name": "hourly"})
    assert Task.objects.get(actor="probe_transactional").urgency == Urgency.BULK


@pytest.mark.django_db
def test_who_may_not_run_an_entry_runs_none(client: Client, desk: Client) -> None:
    answer = desk.post(RUN_PAGE, {"name": "weekly"}, follow=True).content.decode()
    assert "no entry &#x27;weekly&#x27;" in answer
    assert desk.get(RUN_PAGE).status_code == 405
    reader = User.objects.create_user("+12035550103", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename="view_scheduletick"))
    client.force_login(reader, backend="accounts.backends.StaffBackend")
    assert "Run now" not in client.get(SCHEDULE_PAGE).content.decode()
    assert client.post(RUN_PAGE, {"name": "hourly"}).status_code == 403
    assert not Task.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_operators_at_once_start_one_run() -> None:
    barrier = threading.Barrier(2)
    outcomes: list[UUID | RunRefused] = []

    def press() -> None:
        barrier.wait()
        try:
            outcomes.append(schedule_runs.run_now("hourly", by=None))
        except RunRefused as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["RunRefused", "UUID"]
    assert Task.objects.filter(actor="probe_transactional").count() == 1


QUICKLY = Entry(
    name="quickly",
    every=timedelta(minutes=30),
    after_start=timedelta(seconds=5),
    actor="probe_transactional",
    args=("tick",),
    catch_up="skip",
)


def test_a_period_counts_seconds_from_1970() -> None:
    entry = Entry(name="often", every=timedelta(seconds=90), actor="probe_transactional")
    now = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
    assert entry.last_due(now) == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert entry.next_due(now) == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    assert entry.last_due(entry.next_due(now)) == entry.next_due(now)


@pytest.mark.parametrize(
    "timing", [{}, {"cron": "* * * * *", "every": timedelta(minutes=1)}, {"every": timedelta()}]
)
def test_an_entry_has_one_timing(timing: dict[str, Any]) -> None:
    entry = Entry(name="unclear", actor="probe_transactional", **timing)
    assert entry.fault(datetime.now(UTC)) == "An entry has either cron or every."


@pytest.mark.django_db
def test_an_entry_is_due_some_seconds_after_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.jobs.test_schedule.ENTRIES", [QUICKLY])
    clock = Clock(monkeypatch)
    first, second = schedule.FirstTicks(), schedule.FirstTicks()
    assert first.tick() + second.tick() == 0
    clock.advance(4)
    assert first.tick() + second.tick() == 0
    clock.advance(1)
    assert first.tick() == 1
    assert first.tick() + second.tick() == 0, "of two processes that start together one sends"
    assert Task.objects.filter(actor="probe_transactional").count() == 1
    restarted = schedule.FirstTicks()
    assert restarted.tick() == 0
    clock.advance(5)
    assert restarted.tick() == 1


class Clock:
    """PostgreSQL's clock as the schedule reads it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime.now(UTC)
        monkeypatch.setattr("jobs.worker.schedule.database.now", lambda: self.now)

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
