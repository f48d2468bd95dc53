"""Replay trials in the processes of Apache Spark, several at the same time.

A replay knows no database, and the same history and policy always give the same figures, so the
figures are those that a worker finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from reports.policies.judging import Figures
from reports.policies.rules import Rules
from spark.session import session

if TYPE_CHECKING:
    from pyspark import Broadcast, SparkContext

    from reports.policies.trials import Judge, Setting


@contextmanager
def judging() -> Iterator[Judge]:
    """Yield a function that replays policies in Spark; its session ends with the block."""
    with session() as spark:
        yield partial(_judge, spark.sparkContext)


def _judge(context: SparkContext, setting: Setting, policies: Sequence[Rules]) -> list[Figures]:
    """Return what each policy would have achieved, in their order."""
    shared = context.broadcast(setting)
    try:
        rules = context.parallelize([policy.as_json() for policy in policies], len(policies))
        achieved: list[Figures] = rules.map(partial(_replay, shared)).collect()
    finally:
        shared.destroy()
    return achieved


def _replay(shared: Broadcast[Setting], rules: dict[str, Any]) -> Figures:
    """Replay one policy in a process of Spark."""
    import django  # noqa: PLC0415 - in another process, which has set up nothing

    django.setup()
    achieved: Figures = shared.value.judge(Rules.from_json(rules))
    return achieved
