"""Job types and starting a job of one: the registry, the limits, the announcement of the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework import serializers

import jobs
from accounts.models import User
from jobs.api import starting
from jobs.errors import TooManyActiveJobs, TooManyJobs
from jobs.execution import attempts, job_types
from jobs.http.payloads import PayloadSerializer
from jobs.ledger import interventions, transitions
from jobs.models import Task
from jobs.operations import actions
from jobs.states import State
from jobs.testing import run_tasks
from jobs.worker import heartbeat
from notifications.models import Delivery
from tests.jobs.job_types import staff_only, sum_numbers

SUM = job_types.find("tests.sum")
assert SUM is not None


def make_citizen(number: int = 0) -> User:
    return User.objects.create_user(
        f"+12035550{number:03}", email="a@example.org", email_verified_at=timezone.now()
    )


def start(user: User, mode: str = "plain", *, is_announced: bool = False) -> Task:
    assert SUM is not None
    return starting.start(
        SUM, {"numbers": [1, 2], "mode": mode}, by=user.pk, is_announced=is_announced
    )


def announcements() -> int:
    return Task.objects.filter(actor="announce_completion").count()


def test_a_type_is_registered_once_under_a_name() -> None:
    assert job_types.find("tests.sum").actor is sum_numbers  # type: ignore[union-attr]
    assert job_types.find("nothing") is None
    assert [known.name for known in job_types.every()] == sorted(
        known.name for known in job_types.every()
    )
    with pytest.raises(ValueError, match="exists: sum_numbers"):
        jobs.job_type("tests.sum", payload=PayloadSerializer, result=serializers.Serializer)(
            staff_only
        )


def test_the_built_in_types_are_known_to_every_process() -> None:
    assert {"reports.hotspots", "accounts.leaderboard"} <= {
        known.name for known in job_types.every()
    }


@pytest.mark.django_db
def test_a_started_job_belongs_to_who_started_it() -> None:
    user = make_citizen()
    job = start(user)
    assert (job.created_by, job.job_type, job.state) == (user.pk, "tests.sum", State.QUEUED)
    assert (job.args, job.kwargs) == ([], {"numbers": [1, 2], "mode": "plain"})


@pytest.mark.django_db
def test_no_more_than_the_limit_are_under_way() -> None:
    user = make_citizen()
    first, _second = start(user), start(user)
    with pytest.raises(TooManyActiveJobs):
        start(user)
    interventions.cancel(first.pk)
    start(user)
    start(make_citizen(1))  # another person has their own limit


@pytest.mark.django_db
def test_no_more_than_the_limit_start_within_an_hour() -> None:
    user = make_citizen()
    for _ in range(4):
        interventions.cancel(start(user).pk)
    with pytest.raises(TooManyJobs) as refusal:
        start(user)
    assert 3500 < refusal.value.retry_after <= 3601
    Task.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    start(user)


@pytest.mark.django_db(transaction=True)
def test_limits_are_exact_when_many_start_at_once() -> None:
    user = make_citizen()

    def attempt(_: int) -> bool:
        try:
            start(user)
        except TooManyActiveJobs:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(12))) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("mode", "state"), [("plain", State.SUCCEEDED), ("fail", State.DEAD), ("refuse", State.DEAD)]
)
def test_the_end_is_announced_exactly_once_even_after_retries(mode: str, state: State) -> None:
    job = start(make_citizen(), mode, is_announced=True)
    run_tasks(raise_errors=False, until_delay=False)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (state, 3 if mode == "fail" else 1)
    assert announcements() == 1
    delivery = Delivery.objects.get()
    assert (delivery.template, delivery.event_key) == ("job_ended", f"job:{job.pk}:{state}")
    assert delivery.status == Delivery.Status.SENT


@pytest.mark.django_db
def test_cancelling_is_announced_and_nothing_is_when_nobody_asked() -> None:
    user = make_citizen()
    job = start(user, is_announced=True)
    interventions.cancel(job.pk)
    interventions.cancel(job.pk)
    start(user)
    run_tasks()
    assert announcements() == 1
    assert Delivery.objects.get().context["state"] == "cancelled"


@pytest.mark.django_db
def test_the_announcement_commits_with_the_end_or_not_at_all() -> None:
    job = start(make_citizen(), is_announced=True)
    claim = transitions.claim(job.pk, uuid4(), uuid4())
    assert claim is not None
    Task.objects.filter(pk=job.pk).update(claim_token=uuid4())  # somebody else took it over
    with pytest.raises(jobs.JobsError):
        transitions.complete(claim, {"total": 3})
    assert announcements() == 0


@pytest.mark.django_db
def test_a_job_that_dies_with_its_worker_is_announced() -> None:
    job = start(make_citizen(), is_announced=True)
    Task.objects.filter(pk=job.pk).update(max_attempts=1)
    transitions.claim(job.pk, uuid4(), uuid4())
    heartbeat.rescue()
    assert announcements() == 1


@pytest.mark.django_db
def test_a_replayed_job_is_announced_by_its_new_outcome() -> None:
    user = make_citizen()
    job = start(user, "refuse", is_announced=True)
    run_tasks(raise_errors=False)
    actions.edit_arguments(job.pk, [], {"numbers": [1], "mode": "plain"}, by=user.pk)
    actions.replay([job.pk], by=user.pk)
    run_tasks()
    assert set(Delivery.objects.values_list("context__state", flat=True)) == {"dead", "succeeded"}


@pytest.mark.django_db
def test_a_discarded_job_is_not_announced_again() -> None:
    job = start(make_citizen(), "refuse", is_announced=True)
    run_tasks(raise_errors=False)
    assert actions.discard([job.pk], by=None) == 1
    run_tasks()
    assert announcements() == 1


@pytest.mark.django_db
def test_an_announcement_of_a_pruned_job_says_nothing(settings: Any) -> None:
    job = start(make_citizen(), is_announced=True)
    interventions.cancel(job.pk)
    Task.objects.filter(pk=job.pk).delete()
    run_tasks()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_the_actor_gets_the_payload_as_keyword_arguments() -> None:
    job = start(make_citizen())
    state, _ = attempts.run(sum_numbers, UUID(str(job.pk)), uuid4())
    assert state == State.SUCCEEDED
    job.refresh_from_db()
    assert job.result
    assert job.result["total"] == 3
