"""The pages of tasks in the admin: what a list shows, and values of any length."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from jobs.models import Task
from jobs.operations import display
from jobs.redaction import redact, redact_part
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
