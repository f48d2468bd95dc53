"""Job types of the tests alone."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.db.models import Q
from rest_framework import serializers
from rest_framework.permissions import IsAdminUser

import jobs
from jobs.http.payloads import PayloadSerializer


class SumPayloadSerializer(PayloadSerializer):
    numbers = serializers.ListField(child=serializers.IntegerField(), max_length=5)
    since = serializers.DateField(required=False)
    mode = serializers.ChoiceField(["plain", "fail", "refuse", "explain"], default="plain")


class SumSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()


@jobs.job_type(
    "tests.sum",
    payload=SumPayloadSerializer,
    result=SumSerializer,
    limits=jobs.Limits(active_per_user=2, per_hour=4),
)
@jobs.actor(
    kind="long",
    queue_name="analytics",
    max_attempts=3,
    min_backoff=timedelta(),
    max_backoff=timedelta(),
)
def sum_numbers(*, numbers: list[int], mode: str, since: str | None = None) -> dict[str, Any]:
    """Add numbers up."""
    task = jobs.current_task()
    task.progress(0.5, "adding", done=1, total=2)
    if mode == "fail":
        raise RuntimeError("password=hunter2")
    if mode == "refuse":
        raise jobs.PermanentError("secret reason")
    if mode == "explain":
        raise jobs.NotComputable("There are too few numbers: 1, of 2 that are needed.")
    return {"total": sum(numbers), "since": since, "internal": "not for clients"}


@jobs.job_type(
    "tests.staff_only",
    payload=PayloadSerializer,
    result=serializers.Serializer,
    permission=IsAdminUser,
)
@jobs.actor(kind="long", queue_name="analytics")
def staff_only() -> dict[str, Any]:
    """For staff."""
    return {}


@jobs.job_type("tests.bulk", payload=PayloadSerializer, result=serializers.Serializer)
@jobs.actor(kind="long", queue_name="analytics", is_bulk=True)
def much_work() -> dict[str, Any]:
    """Nobody waits for it."""
    return {}


class DicePayloadSerializer(PayloadSerializer):
    seed = serializers.IntegerField(max_value=1_000_000)
    throws = serializers.IntegerField(max_value=100, default=3)


class DiceSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    throws = serializers.ListField(child=serializers.DictField())


@jobs.job_type(
    "tests.dice",
    payload=DicePayloadSerializer,
    result=DiceSerializer,
    limits=jobs.Limits(active_per_user=20, per_hour=100),
    code_version="3",
    rows=lambda kept: kept.result["throws"],
    shared_with=lambda _: Q(created_by=None),
)
@jobs.actor(kind="long", queue_name="analytics")
def throw_dice(*, seed: int, throws: int) -> dict[str, Any]:
    """Throw dice, and keep what has been thrown so far."""
    task, dice, thrown = jobs.current_task(), random.Random(seed), list[dict[str, Any]]()
    while len(thrown) < throws:
        thrown.append({"latitude": 41.3, "longitude": -72.9, "pips": dice.randint(1, 6)})
        result = {"total": sum(throw["pips"] for throw in thrown), "throws": thrown}
        with task.effects():
            jobs.keep_result(
                result,
                inputs={"seed": seed, "throws": throws},
                seed=seed,
                is_partial=len(thrown) < throws,
            )
        task.progress(len(thrown) / throws)
    return result
