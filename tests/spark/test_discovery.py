"""A search for a better policy whose trials Spark replays finds what workers find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pytest_django.fixtures import Settings

from jobs.api import starting
from jobs.execution import job_types
from jobs.models import JobResult, Task
from jobs.testing import run_tasks
from reports.models import PolicyTrial
from tests.accounts.factories import make_user
from tests.reports.policies.cities import BEGIN, END, plant

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.django_db


def search() -> tuple[JobResult, list[tuple[Any, ...]]]:
    """Search with a fixed seed; return the result and the trials."""
    job_type = job_types.find("discovery")
    assert job_type is not None
    payload = {"since": BEGIN.isoformat(), "until": END.isoformat(), "trials": 6, "draws": 1}
    body = job_type.payload(data=payload | {"busy": 0.95})
    body.is_valid(raise_exception=True)
    user = make_user(is_staff=True, is_superuser=True)
    job = starting.start(job_type, body.data, by=user.pk)
    run_tasks()
    trials = PolicyTrial.objects.filter(study=job.pk).order_by("number")
    return JobResult.objects.get(pk=job.pk), list(trials.values_list("number", "rules", "cost"))


def test_both_ways_find_the_same(with_spark: SparkSession, settings: Settings) -> None:
    plant()
    by_spark, trials = search()
    assert not Task.objects.filter(actor="run_trial").exists(), "no worker replays besides"
    settings.USE_SPARK = False
    by_workers, same = search()
    assert trials == same
    assert len(trials) == 6
    assert by_spark.digest == by_workers.digest
