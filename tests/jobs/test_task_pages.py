"""The pages of tasks in the admin: what a list shows, and values of any length."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from jobs.admin import task_search
from jobs.models import FirstArgument, Task, first_id_at
from jobs.operations import display
from jobs.redaction import redact, redact_part
from jobs.states import State
from jobs.testing import run_tasks
from tests.jobs.probe.actors import probe_failing, probe_sealed, probe_transactional

pytestmark = pytest.mark.django_db
LIST = "/admin/jobs/task/"


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_superuser("+12035550102")
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


def send(argument: str) -> Task:
    with transaction.atomic():
        message = probe_transactional.send(argument)
    return Task.objects.get(pk=message.message_id)


def test_the_list_shows_arguments_errors_and_how_long_it_took(operator: Client) -> None:
    with transaction.atomic():
        probe_failing.send("luck")
        probe_sealed.send("sesame", cave=40)
        probe_transactional.send("write to ada@example.org")
        probe_transactional.send("x" * 1_000_000)
    run_tasks(raise_errors=False)
    Task.objects.filter(actor="probe_failing").update(
        started_at=datetime(2026, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC),
        finished_at=datetime(2026, 5, 1, 12, 0, 1, 500_000, tzinfo=UTC),
    )
    page = operator.get(LIST).content.decode()
    assert "no luck today" in page
    assert "2026-05-01 12:00:00.123" in page
    assert "1.377 s" in page
    assert "[&quot;luck&quot;]" in page
    assert "sesame" not in page
    assert "ada@example.org" not in page
    assert re.search(r">[\d,]+ bytes<", page), "long arguments are measured, not read"
    assert len(page) < 100_000


def test_a_task_of_five_megabytes_shows_the_beginning_and_offers_the_rest(operator: Client) -> None:
    words = "".join(f"word {number} " for number in range(400_000))
    task = send(f"first {words} last ada@example.org")
    page = operator.get(f"{LIST}{task.pk}/change/").content.decode()
    assert "first word 0" in page
    assert len(page) < 100_000
    place = f"{LIST}{task.pk}/values/arguments/"
    [start] = re.findall(rf"{place}\?start=(\d+)", page)
    assert int(start) == display.PART_CHARACTERS
    end = operator.get(f"{place}?start={len(words) - 10_000}").content.decode()
    assert "last [redacted]" in end
    assert "Before" in end
    assert "Next" not in end
    assert operator.get(f"{place}?start=x").status_code == 400
    assert operator.get(f"{LIST}{task.pk}/values/claim_token/").status_code == 404
    assert operator.get(f"{LIST}{uuid4()}/values/result/").status_code == 404


def test_who_may_not_look_at_tasks_sees_no_part_of_one(client: Client) -> None:
    task = send("private")
    clerk = User.objects.create_user("+12035550103", is_staff=True)
    client.force_login(clerk, backend="accounts.backends.StaffBackend")
    assert client.get(f"{LIST}{task.pk}/values/arguments/").status_code == 403


@pytest.mark.parametrize("secret", ["ada@example.org", "+1 203 555 0102", "code=123456", "a" * 64])
def test_a_secret_is_taken_out_of_every_part_that_shows_some_of_it(secret: str) -> None:
    text = f"{'left ' * 500}{secret}{' right' * 500}"
    begin = text.index(secret)
    for start in range(begin - 3, begin + len(secret) + 3):
        shown = redact_part(text, 0, start) + redact_part(text, start, len(text))
        assert secret not in shown
        assert secret[-6:] not in shown
    assert redact_part(text, 0, len(text)) == redact(text)


def found(operator: Client, **filters: str) -> set[str]:
    """Return the first arguments of the tasks that the list shows."""
    answer: Any = operator.get(LIST, filters)
    assert answer.status_code == 200
    return {task.brief["args"][0] for task in answer.context["cl"].result_list}


def test_tasks_are_filtered_by_all_that_operators_ask_for(operator: Client) -> None:
    early, late = send("early"), send("late")
    run_tasks()
    with transaction.atomic():
        failed = probe_failing.send("luck")
    run_tasks(raise_errors=False, until_delay=False)
    waiting = send("waiting")
    worker = uuid4()
    Task.objects.filter(pk=late.pk).update(worker_id=worker)
    assert found(operator) == {"early", "late", "luck", "waiting"}
    assert found(operator, argument="late") == {"late"}
    assert found(operator, argument="waiting") == {"waiting"}
    assert found(operator, actor="probe_failing") == {"luck"}
    assert found(operator, queue=waiting.queue, state__exact="queued") == {"waiting"}
    assert found(operator, error="ValueError") == {"luck"}
    assert found(operator, error="NoSuchError") == set()
    assert found(operator, worker=str(worker)) == {"late"}
    assert found(operator, urgency__exact="9") == set()
    assert found(operator, since="hour") == {"early", "late", "luck", "waiting"}
    assert found(operator, until="2026-01-01T00:00:00") == set()
    assert found(operator, q=str(early.pk)) == {"early"}
    assert found(operator, q=failed.message_id) == {"luck"}
    assert found(operator, q="probe_fail") == {"luck"}
    for wrong in ("worker=x", "since=yesterday", "argument=%00"):
        assert operator.get(f"{LIST}?{wrong}").status_code in (302, 400)


def test_an_earlier_time_looks_further_back_than_the_newest_tasks(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_search, "LOOKED_THROUGH", 1)
    early = Task.objects.create(
        id=first_id_at(datetime(2026, 5, 1, tzinfo=UTC)),
        actor="a",
        queue="default",
        args=["early"],
        state=State.SUCCEEDED,
    )
    Task.objects.create(actor="a", queue="default", args=["late"], state=State.SUCCEEDED)
    assert found(operator, queue=early.queue) == {"late"}
    assert found(operator, queue=early.queue, until="2026-06-01T00:00") == {"early"}
    assert found(operator, until="2026-06-01T00:00") == {"early"}


def test_a_report_s_tasks_are_found_by_its_id_and_lead_to_it(operator: Client) -> None:
    report = str(uuid4())
    task = Task.objects.create(actor="classify_report", queue="default", args=[report])
    Task.objects.create(actor="notify_contact", queue="default", args=[f"report:{report}"])
    Task.objects.create(actor="classify_report", queue="default", args=[str(uuid4())])
    assert found(operator, argument=report) == {report, f"report:{report}"}
    assert found(operator, q=report) >= {report}
    place = f'href="/admin/reports/report/{report}/change/"'
    assert operator.get(LIST, {"argument": report}).content.decode().count(place) == 2
    assert place in operator.get(f"{LIST}{task.pk}/change/").content.decode()


def test_buttons_on_a_task_s_page_act_once_each(operator: Client) -> None:
    with transaction.atomic():
        task_id = probe_failing.send("luck").message_id
    run_tasks(raise_errors=False, until_delay=False)
    page = f"{LIST}{task_id}/change/"
    text = operator.get(page).content.decode()
    assert all(name in text for name in ("replay_dead", "discard_dead", "Edit and replay"))
    assert "cancel_tasks" not in text
    press = {"action": "replay_dead"}
    assert operator.post(f"{LIST}{task_id}/act/", press)["Location"] == page
    assert (
        "0 tasks replayed"
        in operator.post(f"{LIST}{task_id}/act/", press, follow=True).content.decode()
    )
    assert Task.objects.get(pk=task_id).state == "queued"
    assert operator.post(f"{LIST}{task_id}/act/", {"action": "explode"}).status_code == 302
    assert operator.get(f"{LIST}{task_id}/act/").status_code == 405


def test_searches_for_ended_tasks_read_an_index(operator: Client) -> None:
    send("0")
    with connection.cursor() as cursor:
        cursor.execute(_MANY_ENDED)
        cursor.execute("ANALYZE jobs_task")  # what the rows of other tests were like is forgotten
    about = Task.objects.alias(first=FirstArgument("args")).filter(first="x")
    plans = {
        "jobs_task_ended_actor": Task.objects.filter(actor="x"),
        "jobs_task_ended_argument": about,
    }
    for index, tasks in plans.items():
        assert index in task_search.newest(tasks, State.values, is_indexed=True).explain()


_MANY_ENDED = """
    INSERT INTO jobs_task
    SELECT (jsonb_populate_record(task, jsonb_build_object(
        'id', uuidv7(), 'state', 'succeeded', 'finished_at', statement_timestamp(),
        'actor', 'actor_' || number % 50, 'args', jsonb_build_array(number::text)))).*
    FROM jobs_task AS task, generate_series(1, 3000) AS number
"""


def test_the_list_takes_few_statements_however_it_is_filtered(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        send(str(number))
    with django_assert_max_num_queries(20):
        operator.get(LIST, {"argument": "1", "state__exact": "queued", "error": "X", "q": "probe"})
