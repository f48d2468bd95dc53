"""The schedule: every tick once, missed ones as each entry says; and what has had its time is
deleted.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from config.schedule import SCHEDULE
from jobs.models import ScheduleTick, Task
from jobs.testing import run_tasks
from jobs.worker import schedule
from jobs.worker.schedule import Entry
from tests.jobs.probe.actors import probe_failing, probe_transactional

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


@pytest.mark.django_db
def test_the_admin_shows_when_each_entry_ran_and_runs_next(client: Client) -> None:
    client.force_login(
        User.objects.create_superuser("+12035550102"), backend="accounts.backends.StaffBackend"
    )
    a_while_ago("hourly", 30)
    schedule.tick()
    page = client.get("/admin/jobs/scheduletick/").content.decode()
    assert "0 * * * *" in page
    assert f"/admin/jobs/task/{Task.objects.get().id}/change/" in page
    assert [line.entry.name for line in schedule.overview()] == ["hourly", "skipping"]
