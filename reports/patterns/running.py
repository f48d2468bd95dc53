"""Carry out a job of patterns, from where an earlier attempt left off.

The outcome of each search is stored in one transaction with the checkpoint and the findings that
stand so far, so that nothing is counted twice, whatever is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

import jobs
from jobs.ledger import database
from reports.models import PatternFinding
from reports.patterns.counting import StoredReports
from reports.patterns.findings import Row
from reports.patterns.search import Search, Source
from reports.patterns.searching import Course

#: So often a search that takes long looks whether it was cancelled.
WATCH_SECONDS = 1.0


def run(task: jobs.RunningTask, payload: dict[str, Any]) -> dict[str, Any]:
    """Carry out the searches of a payload; return the result as it is kept."""
    course = _course(task, payload)
    rows = _keep(task, course)
    with _source_of(course.search) as source:
        while course.next is not None:
            course.watch = _show(task, course, findings=len(rows))
            course.advance(source)
            rows = _keep(task, course, stored=rows)
    return course.result(rows)


def _show(task: jobs.RunningTask, course: Course, *, findings: int) -> Callable[[], None]:
    """Show how far the run is; return the function that does so again from time to time.

    It raises TaskCancelled soon after the task was asked to stop, however long a search takes.
    """
    done, shown_at = len(course.outcomes), time.monotonic()
    kind = course.next.kind if course.next else ""

    def show() -> None:
        nonlocal shown_at
        task.progress(done / len(course.parts), kind, searches=done, findings=findings)
        shown_at = time.monotonic()

    def show_when_due() -> None:
        if time.monotonic() - shown_at >= WATCH_SECONDS:
            show()

    show()
    return show_when_due


@contextmanager
def _source_of(search: Search) -> Iterator[Source]:
    """Yield the reports of a search, counted by PostgreSQL, or with USE_SPARK by Spark."""
    if not settings.USE_SPARK:
        yield StoredReports(search)
        return
    from reports.patterns import spark  # noqa: PLC0415 - an extra

    with spark.reports(search) as source:
        yield source


def _course(task: jobs.RunningTask, payload: dict[str, Any]) -> Course:
    if task.checkpoint:
        return Course.of(task.checkpoint)
    search = Search.of(now=database.now(), **payload)
    return Course.begin(search, StoredReports(search))


def _keep(task: jobs.RunningTask, course: Course, *, stored: list[Row] | None = None) -> list[Row]:
    """Store how far the run has come with the findings that stand; return these."""
    rows = course.standing()
    with task.effects():
        kept = jobs.keep_result(
            course.result(rows),
            inputs=course.search.inputs(),
            seed=course.search.seed,
            is_partial=course.next is not None,
        )
        if rows != stored:
            PatternFinding.objects.filter(result=kept).delete()
            PatternFinding.objects.bulk_create(
                PatternFinding(result=kept, number=number, **row)
                for number, row in enumerate(rows, start=1)
            )
        task.save_checkpoint(course.as_json())
    return rows
