"""CivicLens: the task is a row of the sender's transaction."""

from __future__ import annotations

import time

from django.db import transaction

from benchmarks.actors import bench_effect

BULK_ROWS = 1000


def send(number: int) -> float:
    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(
            lambda: committed.append(time.time())
        )  # before the fast path's own hook
        bench_effect.send(number)
    return committed[0]


def send_all(numbers: range) -> None:
    for start in range(0, len(numbers), BULK_ROWS):
        with transaction.atomic():
            bench_effect.send_many([(number,) for number in numbers[start : start + BULK_ROWS]])
