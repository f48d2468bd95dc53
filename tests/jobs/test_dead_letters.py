"""Dead letters: edited, replayed, discarded."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client

import tests.jobs.job_types  # noqa: F401 - registers them
from accounts.models import AuditEvent, User
from jobs.api import starting
from jobs.errors import ArgumentsRefused, NotInThatState
from jobs.execution import job_types
from jobs.models import Task
from jobs.operations import actions
from jobs.states import State
from jobs.testing import run_tasks
from tests.jobs.probe.actors import probe_failing, probe_transactional

pytestmark = pytest.mark.django_db


def dead_task(key: str = "luck") -> Task:
    with transaction.atomic():
        message = probe_failing.send(key)
    run_tasks(raise_errors=False, until_delay=False)
    return Task.objects.get(pk=message.message_id)


def page(task_id: UUID) -> str:
    return f"/admin/jobs/task/{task_id}/arguments/"


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("+12035550301", "secret")


@pytest.fixture
def desk(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def test_edited_arguments_are_recorded_and_run_after_a_replay(operator: User) -> None:
    task = dead_task()
    actions.edit_arguments(task.pk, ["patience"], {}, by=operator.pk)
    event = AuditEvent.objects.get(event="task.arguments_edited")
    assert (event.actor_id, event.subject) == (operator.pk, f"task:{task.pk}")
    assert event.data == {"changed": ["0"]}, "the place, not the value"
    actions.replay([task.pk], by=operator.pk)
    run_tasks(raise_errors=False, until_delay=False)
    assert task.attempts.last().error == "no patience today"  # type: ignore[union-attr]


def test_only_the_arguments_of_dead_tasks_are_edited() -> None:
    with transaction.atomic():
        message = probe_transactional.send("patient")
    with pytest.raises(NotInThatState):
        actions.edit_arguments(UUID(message.message_id), ["x"], {}, by=None)
    task = dead_task()
    actions.replay([task.pk], by=None)  # faster than the edit
    with pytest.raises(NotInThatState):
        actions.edit_arguments(task.pk, ["x"], {}, by=None)
    Task.objects.filter(pk=task.pk).update(state=State.DEAD, sealed_args=b"sealed")
    with pytest.raises(NotInThatState):
        actions.edit_arguments(task.pk, ["x"], {}, by=None)
    assert not AuditEvent.objects.filter(event="task.arguments_edited").exists()


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [([], {}), (["a", "b"], {}), (["a"], {"colour": "red"}), (["\0"], {}), (["\ud800"], {})],
)
def test_arguments_that_the_actor_does_not_take_are_refused(
    args: list[Any], kwargs: dict[str, Any]
) -> None:
    task = dead_task()
    with pytest.raises(ArgumentsRefused):
        actions.edit_arguments(task.pk, args, kwargs, by=None)
    task.refresh_from_db()
    assert task.args == ["luck"]


def test_the_payload_of_a_job_stays_valid(operator: User) -> None:
    job_type = job_types.find("tests.sum")
    assert job_type is not None
    job = starting.start(job_type, {"numbers": [1], "mode": "refuse"}, by=operator.pk)
    run_tasks(raise_errors=False)
    with pytest.raises(ArgumentsRefused, match=r"tests\.sum.*numbers"):
        actions.edit_arguments(job.pk, [], {"numbers": ["x"], "mode": "plain"}, by=operator.pk)
    actions.edit_arguments(job.pk, [], {"numbers": [1, 1], "mode": "plain"}, by=operator.pk)
    assert AuditEvent.objects.get(event="task.arguments_edited").data == {
        "changed": ["mode", "numbers"]
    }


def test_the_payload_of_a_job_gets_no_field_that_its_type_lacks() -> None:
    job = Task.objects.create(
        actor="rank_citizens",
        queue="analytics",
        job_type="accounts.leaderboard",
        state=State.DEAD,
        kwargs={"limit": 5},
    )
    with pytest.raises(ArgumentsRefused, match=r"accounts\.leaderboard.*Unknown field"):
        actions.edit_arguments(job.pk, [], {"limit": 5, "untill": "2026-01-01T00:00:00Z"}, by=None)


def test_the_admin_edits_the_arguments_of_a_dead_task(desk: Client) -> None:
    task = dead_task()
    assert page(task.pk) in desk.get(f"/admin/jobs/task/{task.pk}/change/").content.decode()
    assert "luck" in desk.get(page(task.pk)).content.decode()
    response = desk.post(page(task.pk), {"args": '["patience"]', "kwargs": ""})
    assert (response.status_code, response["Location"]) == (
        302,
        f"/admin/jobs/task/{task.pk}/change/",
    )
    task.refresh_from_db()
    assert (task.args, task.kwargs, task.state) == (["patience"], {}, State.DEAD)


@pytest.mark.parametrize(
    ("args", "kwargs", "complaint"),
    [
        ("[", "{}", "valid JSON"),
        ("{}", "{}", "Expected a JSON list"),
        ("[]", "[1]", "Expected a JSON object"),
        ("[1, 2]", "{}", "too many positional arguments"),
        ("[" * 5000, "{}", "valid JSON"),
        ("[" * 200_000, "{}", "valid JSON"),
        ("[" + "9" * 5000 + "]", "{}", "out of range"),
        ('["\\ud800"]', "{}", "surrogates"),
        ('["\\u0000"]', "{}", "U+0000"),
        ("[NaN]", "{}", "NaN is not a number"),
        ("[]", '{"a": 1, "a": 2}', "repeats a name"),
    ],
)
def test_the_admin_says_why_arguments_are_refused(
    desk: Client, args: str, kwargs: str, complaint: str
) -> None:
    task = dead_task()
    response = desk.post(page(task.pk), {"args": args, "kwargs": kwargs})
    assert response.status_code == 200
    assert complaint in response.content.decode()


def test_the_admin_offers_no_edit_of_others(desk: Client) -> None:
    with transaction.atomic():
        message = probe_transactional.send("patient")
    assert (
        "/arguments/"
        not in desk.get(f"/admin/jobs/task/{message.message_id}/change/").content.decode()
    )
    response = desk.post(page(UUID(message.message_id)), {"args": '["x"]', "kwargs": ""})
    assert "Only the arguments of a dead task" in response.content.decode()


def test_edited_arguments_run_exactly_once_under_two_presses(desk: Client, operator: User) -> None:
    task = dead_task()
    edit = {"args": '["patience"]', "kwargs": "", "replay": "1"}
    assert desk.post(page(task.pk), edit).status_code == 302
    second = desk.post(page(task.pk), edit)
    assert "Only the arguments of a dead or cancelled task" in second.content.decode()
    event = AuditEvent.objects.get(event="task.edited_and_replayed")
    assert (event.actor_id, event.data) == (operator.pk, {"changed": ["0"]})
    run_tasks(raise_errors=False, until_delay=False)
    assert task.attempts.last().error == "no patience today"  # type: ignore[union-attr]


def test_a_cancelled_task_runs_again_with_other_arguments(desk: Client) -> None:
    task = dead_task()
    actions.discard([task.pk], by=None)
    assert "Save only" not in desk.get(page(task.pk)).content.decode()
    wrong = desk.post(page(task.pk), {"args": "[1, 2]", "kwargs": "", "replay": "1"})
    assert "too many positional arguments" in wrong.content.decode()
    task.refresh_from_db()
    assert (task.state, task.args) == (State.CANCELLED, ["luck"]), "nothing of it was stored"
    assert desk.post(page(task.pk), {"args": '["x"]', "replay": "1"}).status_code == 302
    task.refresh_from_db()
    assert (task.state, task.args, task.attempt) == (State.QUEUED, ["x"], 0)


def test_nothing_is_edited_where_another_task_waits_under_the_key() -> None:
    task = dead_task()
    Task.objects.filter(pk=task.pk).update(unique_key="one")
    with transaction.atomic():
        probe_failing.send_with_options(args=("other",), unique_key="one")
    with pytest.raises(NotInThatState, match="already waits"):
        actions.edit_and_replay(task.pk, ["x"], {}, by=None)
    task.refresh_from_db()
    assert (task.state, task.args) == (State.DEAD, ["luck"])
    assert not AuditEvent.objects.filter(event="task.edited_and_replayed").exists()


def test_staff_without_the_permission_edit_nothing(client: Client) -> None:
    client.force_login(User.objects.create_user("+12035550302", is_staff=True))
    task = dead_task()
    assert client.get(page(task.pk)).status_code == 403
    assert client.post(f"/admin/jobs/task/{task.pk}/act/").status_code == 403
    assert client.post(page(task.pk), {"args": '["x"]'}).status_code == 403
    client.logout()
    assert client.get(page(task.pk)).status_code == 302


def test_a_discarded_task_is_cancelled_and_stays_so(operator: User) -> None:
    task = dead_task()
    assert actions.discard([task.pk], by=operator.pk) == 1
    assert actions.discard([task.pk], by=operator.pk) == 0
    assert actions.replay([task.pk], by=operator.pk) == 0
    task.refresh_from_db()
    assert task.state == State.CANCELLED
    assert AuditEvent.objects.get(event="task.discarded").actor_id == operator.pk


def test_a_replay_that_was_faster_wins_over_a_discard() -> None:
    task = dead_task()
    actions.replay([task.pk], by=None)
    assert actions.discard([task.pk], by=None) == 0


def test_the_admin_replays_and_discards_all_that_a_filter_finds(desk: Client) -> None:
    for number in range(3):
        dead_task(str(number))
    one = Task.objects.first()
    assert one is not None
    where = "/admin/jobs/task/?state=dead&actor=probe_failing"
    data = {"_selected_action": [str(one.pk)], "select_across": "1"}
    preview = desk.post(where, data | {"action": "replay_dead"})
    assert (preview.context["count"], preview.context["actors"]) == (3, [("probe_failing", 3)])
    assert set(Task.objects.values_list("state", flat=True)) == {State.DEAD}, "only shown"
    data["confirmed"] = "1"
    assert (
        "3 tasks replayed"
        in desk.post(where, data | {"action": "replay_dead"}, follow=True).content.decode()
    )
    run_tasks(raise_errors=False, until_delay=False)
    assert (
        "3 tasks discarded"
        in desk.post(where, data | {"action": "discard_dead"}, follow=True).content.decode()
    )
    assert set(Task.objects.values_list("state", flat=True)) == {State.CANCELLED}


def test_the_command_discards() -> None:
    task = dead_task()
    for options, changed in [(("--dry-run",), 0), ((), 1)]:
        output = StringIO()
        call_command(
            "tasks", "discard", "--actor", "probe_failing", "--json", *options, stdout=output
        )
        assert json.loads(output.getvalue()) == {
            "verb": "discard",
            "dry_run": bool(options),
            "tasks": [str(task.pk)],
            "changed": changed,
        }
