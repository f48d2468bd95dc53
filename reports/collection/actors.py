"""The tasks of collection; all but the test of a source are bulk work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jobs
from jobs.worker import retention
from reports.collection import cycles, fetching, pruning
from reports.collection.analysis import actors as analysis_actors  # noqa: F401 - it registers its own
from reports.collection.storing import Stored
from reports.models import Source

HOUR = timedelta(hours=1)


# The next round begins what this one did not.
@jobs.actor(queue_name="analytics", outlasts=timedelta(minutes=1), is_bulk=True)
def collect_sources(*, is_whole: bool) -> None:
    """Begin a cycle: send a task for each source that is due."""
    begun = cycles.begin(is_whole=is_whole)
    if begun is not None:
        cycle, sources = begun
        jobs.send_group(
            collect_source,
            [(source, cycle.pk) for source in sources],
            then=finish_cycle,
            then_args=(cycle.pk,),
        )


# A source that does not answer is noted as failing, and tried again when its pause is over: only
# faults of our own make the task fail.
@jobs.actor(
    queue_name="analytics",
    kind="long",
    outlasts=timedelta(seconds=2),
    is_bulk=True,
    is_waiting=True,
)
def collect_source(source_id: str, cycle_id: int | None = None) -> None:
    """Fetch what is new at a source, as part of a cycle or alone."""
    task = jobs.current_task()

    def show(stored: Stored) -> None:
        task.progress(0.5, "collecting", new=stored.new, edited=stored.edited)

    fetching.fetch(source_id, task.effects, cycle_id=cycle_id, on_progress=show)


@collect_source.mirror
def show_source(standing: jobs.Standing, source_id: str, _cycle_id: int | None = None) -> None:
    """Note at the source that its task has failed for good."""
    source = Source.objects.filter(pk=source_id).first()
    if standing.has_ended and source is not None:
        fetching.note_failure(source, "The task that fetches it has failed; see its errors.")


@jobs.actor(queue_name="analytics", outlasts=HOUR, is_bulk=True)
def finish_cycle(cycle_id: int) -> None:
    """Note what a cycle brought, once all of its tasks have ended."""
    cycles.finish(cycle_id)


# It outlasts no outage: a person waits for it, and can press the button again.
@jobs.actor(queue_name="analytics", kind="external", outlasts=timedelta())
def test_source(source_id: str) -> dict[str, Any]:
    """Return what a source gives at present, or why it cannot be read."""
    return fetching.try_out(Source.objects.get(pk=source_id))


@test_source.record
def record_test(outcome: dict[str, Any], source_id: str) -> None:
    """Show the outcome of a test at the source."""
    fetching.note_test(source_id, outcome)


# The next day's round deletes what this one left.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=HOUR, is_bulk=True)
def prune_collection() -> dict[str, int]:
    """Delete posts, raw forms, files, receipts and cycles that are past their time."""
    return retention.in_batches(pruning.prune)
