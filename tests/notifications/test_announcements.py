"""What people are told of the end of a job."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from notifications import rendering
from notifications.announcements import announce_job
from notifications.models import Delivery
from tests.accounts.factories import make_user
from tests.accounts.racing import race


@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize(
    ("state", "words"),
    [("succeeded", "result"), ("cancelled", "was cancelled"), ("dead", "has failed")],
)
def test_each_outcome_has_its_words(channel: str, state: str, words: str) -> None:
    context = {"job_id": "01a20177", "job_type": "reports.hotspots", "state": state}
    message = rendering.render("job_ended", channel, context, to="somebody")
    assert words in message.subject + message.body
    assert "reports.hotspots" in message.body


@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize("state", ["succeeded", "cancelled", "dead"])
def test_a_job_without_a_type_leaves_no_gap(channel: str, state: str) -> None:
    context = {"job_id": "01a20177", "job_type": "", "state": state}
    message = rendering.render("job_ended", channel, context, to="somebody")
    assert not re.search(r" {2}| \.|: *$", f"{message.subject}\n{message.body}", re.MULTILINE)


@pytest.mark.django_db(transaction=True)
def test_within_an_hour_people_hear_of_so_many_ends_however_many_come_at_once(
    settings: Any,
) -> None:
    settings.JOB_NOTICES_PER_HOUR = 3
    user, other = make_user(wants_sms=True), make_user(wants_sms=True)

    def announce() -> None:
        with transaction.atomic():
            announce_job(uuid4(), job_type="reports.hotspots", state="succeeded", user_id=user.pk)

    race(announce, times=6)
    assert Delivery.objects.filter(user=user).count() == 3
    with transaction.atomic():
        announce_job(uuid4(), job_type="reports.hotspots", state="succeeded", user_id=other.pk)
    assert Delivery.objects.filter(user=other).count() == 1
