"""The task that the ledger benchmark counts."""

from __future__ import annotations

import jobs
from benchmarks.effects import insert_effect


@jobs.actor(queue_name="default")
def bench_effect(number: int) -> None:
    insert_effect(number)
