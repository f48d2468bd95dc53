"""What operators do, from the admin and from the shell."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import models, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from jobs.models import (
    AlertEpisode,
    IdempotencyKey,
    OnceKey,
    Queue,
    RateLimit,
    Task,
    TaskGroup,
    TaskRollup,
)
from jobs.operations import actions
from jobs.states import State
from jobs.testing import run_tasks
from tests.jobs.probe.actors import probe_failing, probe_transactional

pytestmark = pytest.mark.django_db


def dead_task() -> UUID:
    with transaction.atomic():
        message = probe_failing.send("luck")
    run_tasks(raise_errors=False, until_delay=False)
    return UUID(message.message_id)


def waiting_task() -> UUID:
    with transaction.atomic():
        return UUID(probe_transactional.send("patient").message_id)


def state_of(task_id: UUID) -> str:
    return Task.objects.get(pk=task_id).state


def tasks(*arguments: str) -> Any:
    output = StringIO()
    call_command("tasks", *arguments, stdout=output)
    return json.loads(output.getvalue()) if "--json" in arguments else output.getvalue()


def test_the_command_lists_and_shows() -> None:
    task_id = dead_task()
    waiting_task()
    assert [row["id"] for row in tasks("list", "--state", "dead", "--json")] == [str(task_id)]
    shown = tasks("show", str(task_id), "--json")
    assert [attempt["error"] for attempt in shown["attempts"]] == ["no luck today"] * 2
    assert "probe_failing" in tasks("list")
    assert "no luck today" in tasks("show", str(task_id))
    with pytest.raises(CommandError, match="There is no task"):
        tasks("show", "01890000-0000-7000-8000-000000000000")


def test_the_command_replays_one_or_a_filtered_set() -> None:
    first, second = dead_task(), dead_task()
    assert tasks("replay", "--actor", "probe_failing", "--dry-run", "--json")["changed"] == 0
    assert tasks("replay", str(first), "--json")["tasks"] == [str(first)]
    assert (state_of(first), state_of(second)) == (State.QUEUED, State.DEAD)
    assert "1 tasks changed" in tasks("replay", "--state", "dead")
    assert state_of(second) == State.QUEUED
    with pytest.raises(CommandError, match="choose them by"):
        tasks("replay")


def test_a_filter_beside_ids_narrows_them() -> None:
    task_id = dead_task()
    for other in (
        ("--queue", "matching"),
        ("--state", "queued"),
        ("--actor", "probe_transactional"),
    ):
        assert tasks("replay", str(task_id), *other, "--json")["tasks"] == []
    assert state_of(task_id) == State.DEAD
    assert tasks("replay", str(task_id), "--actor", "probe_failing", "--json")["tasks"] == [
        str(task_id)
    ]


@pytest.mark.parametrize("verb", ["retry", "cancel", "replay", "discard"])
def test_an_action_on_a_task_that_is_not_there_changes_nothing(verb: str) -> None:
    known, unknown = dead_task(), uuid4()
    with pytest.raises(CommandError, match=f"There is no task {unknown}"):
        tasks(verb, str(known), str(unknown))
    assert state_of(known) == State.DEAD


def test_the_limit_of_an_action_counts_only_tasks_it_can_change() -> None:
    dead = dead_task()
    with transaction.atomic():
        probe_failing.send("newer")
    assert tasks("replay", "--actor", "probe_failing", "--limit", "1", "--json")["tasks"] == [
        str(dead)
    ]


def test_the_command_cancels_and_pauses() -> None:
    task_id = waiting_task()
    assert "1 tasks changed" in tasks("cancel", str(task_id))
    assert state_of(task_id) == State.CANCELLED
    assert tasks("pause", "default", "--json")["changed"] is True
    assert tasks("pause", "default", "--json")["changed"] is False
    waiting_task()
    assert run_tasks() == 0
    assert "resumed" in tasks("resume", "default")
    assert run_tasks() == 1


def test_a_dry_run_says_whether_a_queue_would_be_switched() -> None:
    for verb, other in (("pause", "resume"), ("resume", "pause")):
        told = tasks(verb, "default", "--dry-run", "--json")
        assert told == {
            "verb": verb,
            "queue": "default",
            "dry_run": True,
            "would_change": True,
            "changed": False,
        }
        assert tasks(verb, "default", "--dry-run") == f"default: would be {verb}d.\n"
        assert tasks(other, "default", "--dry-run", "--json")["would_change"] is False
        assert tasks(other, "default", "--dry-run") == "default: unchanged.\n"
        assert Queue.objects.filter(paused_at__isnull=False).exists() is (verb == "resume")
        told = tasks(verb, "default", "--json")
        assert told == {
            "verb": verb,
            "queue": "default",
            "dry_run": False,
            "would_change": True,
            "changed": True,
        }


def test_the_command_sets_a_queues_rate() -> None:
    assert tasks("rate", "default", "60", "--json")["changed"] is True
    assert "unchanged" in tasks("rate", "default", "60")
    assert Queue.objects.get().rate_per_minute == 60
    tasks("rate", "default", "none")
    assert Queue.objects.get().rate_per_minute is None


def test_a_dry_run_says_whether_a_rate_would_change() -> None:
    told = {
        "verb": "rate",
        "queue": "default",
        "dry_run": True,
        "would_change": True,
        "changed": False,
    }
    assert tasks("rate", "default", "60", "--dry-run", "--json") == told
    assert tasks("rate", "default", "60", "--dry-run") == "default: rate would be set.\n"
    assert not Queue.objects.exists()
    assert tasks("rate", "default", "none", "--dry-run") == "default: unchanged.\n"
    tasks("rate", "default", "60")
    assert tasks("rate", "default", "60", "--dry-run", "--json")["would_change"] is False
    assert tasks("rate", "default", "none", "--dry-run", "--json")["would_change"] is True
    assert Queue.objects.get().rate_per_minute == 60


@pytest.mark.parametrize(
    "number", ["0", "-1", "99999999999", "2147483648", "9" * 5000, "x", "1.5", "٣"]
)
@pytest.mark.parametrize(
    "command", [("rate", "default"), ("list", "--limit"), ("cancel", "--state=queued", "--limit")]
)
def test_a_number_that_makes_no_sense_is_refused(command: tuple[str, ...], number: str) -> None:
    with pytest.raises(CommandError, match="is no number from 1"):
        tasks(*command, number)


def test_the_greatest_numbers_are_taken() -> None:
    assert tasks("rate", "default", "2147483647", "--json")["changed"] is True
    assert tasks("list", "--limit", "2147483647", "--json") == []


def test_the_admin_filters_by_actor_and_queue(desk: Client) -> None:
    dead_task()
    waiting_task()
    page = desk.get("/admin/jobs/task/?actor=probe_failing&queue=default").content.decode()
    assert page.count("/change/") == 1


def test_every_action_is_recorded_with_who_did_it() -> None:
    operator = User.objects.create_user("+12035550100")
    task_id = dead_task()
    assert actions.replay([task_id], by=operator.pk) == 1
    assert actions.replay([task_id], by=operator.pk) == 0, "it is not dead any more"
    event = AuditEvent.objects.get(event="task.replayed")
    assert (event.actor_id, event.subject) == (operator.pk, f"task:{task_id}")


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("+12035550101", "secret"))
    return client


def test_the_admin_shows_tasks_and_every_attempt(desk: Client) -> None:
    task_id = dead_task()
    assert b"probe_failing" in desk.get("/admin/jobs/task/").content
    page = desk.get(f"/admin/jobs/task/{task_id}/change/").content.decode()
    assert "no luck today" in page
    assert 'name="_save"' not in page
    for page_name in ("worker", "queue", "undecodablemessage"):
        assert desk.get(f"/admin/jobs/{page_name}/").status_code == 200


@pytest.mark.parametrize(
    ("action", "outcome"),
    [("replay_dead", State.QUEUED), ("cancel_tasks", State.DEAD), ("retry_now", State.DEAD)],
)
def test_the_admin_acts_only_where_the_state_allows(
    desk: Client, action: str, outcome: State
) -> None:
    task_id = dead_task()
    chosen = {"action": action, "_selected_action": [str(task_id)], "confirmed": "1"}
    desk.post("/admin/jobs/task/", chosen)
    assert state_of(task_id) == outcome


def test_the_admin_lists_every_queue_there_is(desk: Client, settings: Any) -> None:
    actions.pause("default", by=None, note="while we look")
    page = desk.get("/admin/jobs/queue/").content.decode()
    for name in settings.JOBS_QUEUES:
        assert f"/admin/jobs/task/?queue={name}" in page
    assert page.count("<td>runs</td>") == len(settings.JOBS_QUEUES) - 1
    assert "while we look" in page


def test_who_may_only_look_at_queues_resumes_none(client: Client) -> None:
    actions.pause("default", by=None)
    viewer = User.objects.create_user("+12035550102", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_queue"))
    client.force_login(viewer, backend="accounts.backends.StaffBackend")
    choice = {"action": "resume", "_selected_action": ["default"]}
    assert client.get("/admin/jobs/queue/").status_code == 200
    client.post("/admin/jobs/queue/", choice)
    assert Queue.objects.get(name="default").paused_at is not None
    viewer.user_permissions.add(Permission.objects.get(codename="change_queue"))
    client.post("/admin/jobs/queue/", choice)
    assert Queue.objects.get(name="default").paused_at is None


def make_recorded_rows() -> list[models.Model]:
    now = timezone.now()
    counts = {
        "succeeded": 1,
        "failed": 0,
        "dead": 0,
        "cancelled": 0,
        "wait_counts": [1],
        "run_counts": [1],
    }
    return [
        TaskGroup.objects.create(
            size=2, callback_actor="probe_transactional", callback_args=["password=hunter2"]
        ),
        OnceKey.objects.create(key="once", task_id=uuid4(), expires_at=now),
        RateLimit.objects.create(key="limit", hits=3, window_ends_at=now),
        IdempotencyKey.objects.create(
            owner="someone", key="k1", fingerprint="f", status=201, sealed_body=b"sealed!"
        ),
        TaskRollup.objects.create(
            seconds=60,
            bucket_at=now,
            actor="a",
            queue="default",
            wait_seconds=1,
            run_seconds=1,
            **counts,
        ),
        AlertEpisode.objects.create(rule="dead_tasks", threshold=20, value=31),
    ]


def test_the_admin_shows_what_the_ledger_recorded_and_lets_nobody_change_it(desk: Client) -> None:
    for row in make_recorded_rows():
        url = f"/admin/jobs/{row._meta.model_name}/"
        assert desk.get(url).status_code == 200
        page = desk.get(f"{url}{quote(row.pk)}/change/").content.decode()
        assert 'name="_save"' not in page
        for secret in ("hunter2", "sealed!", "sealed_body"):
            assert secret not in page
        assert desk.get(f"{url}add/").status_code == 403
        assert desk.post(f"{url}{quote(row.pk)}/delete/", {"post": "yes"}).status_code == 403


def test_the_admin_tells_in_words_of_the_alerts_that_are_open(desk: Client) -> None:
    AlertEpisode.objects.create(rule="dead_tasks", threshold=20, value=31)
    AlertEpisode.objects.create(
        rule="oldest_seconds", threshold=300, value=301, ended_at=timezone.now()
    )
    page = desk.get("/admin/jobs/alertepisode/?ended_at__isempty=1").content.decode()
    assert "31" in page
    assert "301" not in page


def test_the_admin_lists_tasks_without_a_query_a_row(
    desk: Client, django_assert_max_num_queries: Any
) -> None:
    with transaction.atomic():
        probe_transactional.send_many([(str(number),) for number in range(60)])
    with django_assert_max_num_queries(8):
        desk.get("/admin/jobs/task/")
