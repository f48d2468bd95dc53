"""Fetch one source: read it with its collector, store each batch, and note how it went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import F
from django.db.models.functions import Now

from jobs.errors import AsksForPause, OutboundError
from jobs.failpoints import failpoint
from jobs.ledger import database
from reports.collection import cycles
from reports.collection.kinds.protocol import Batch, Item, SourceBusy, SourceFault
from reports.collection.kinds.registry import collector_of
from reports.collection.storing import ReadMeanwhile, Stored, store_batch
from reports.models import Source
from reports.models.collection import LONGEST_PAUSE

log = structlog.get_logger(__name__)

Transaction = Callable[[], AbstractContextManager[None]]
#: How many posts a test of a source shows.
SHOWN = 5
ERROR_CHARACTERS = 500


def fetch(
    source_id: str,
    effects: Transaction,
    *,
    cycle_id: int | None = None,
    on_progress: Callable[[Stored], None] = lambda _: None,
) -> None:
    """Collect what is new at a source, and add it to the counts of the cycle.

    `effects` opens the transaction in which a batch and its cursor are stored. A source that was
    switched off or deleted meanwhile is left alone; so is one that another task reads on.
    `on_progress` gets the counts after each batch.
    """
    source = Source.objects.fetched().filter(pk=source_id).first()
    if source is None:
        return
    began, total = database.now(), Stored()
    try:
        for batch in _batches(source):
            with effects():
                stored = store_batch(source, batch)
                cycles.count(cycle_id, stored)
            failpoint("collection.committed")
            total += stored
            on_progress(total)
    except ReadMeanwhile:
        log.info("collection_source_read_meanwhile", source=source.name)
    except SourceBusy as busy:
        _note_success(source, began, effects, pause=busy.retry_after)
    except (SourceFault, OutboundError) as error:
        with effects():
            cycles.count(cycle_id, Stored(), failed=1)
            note_failure(source, str(error), pause=error.retry_after)
    else:
        _note_success(source, began, effects)
        log.info("collection_source_fetched", source=source.name, **asdict(total))


def _batches(source: Source) -> Iterator[Batch]:
    collector = collector_of(source)
    collector.check(source)
    yield from collector.collect(source)


def _note_success(
    source: Source, began: datetime, effects: Transaction, *, pause: timedelta | None = None
) -> None:
    """Note that the source could be read.

    With a `pause` not everything was fetched: the next fetch comes after it.
    """
    until = database.now() + pause if pause else None
    with effects():
        Source.objects.filter(pk=source.pk).update(
            fetched_at=Now(),
            next_fetch_at=until or began + source.interval(),
            paused_until=until,
            failures=0,
            last_error="",
        )


def note_failure(source: Source, error: str, *, pause: timedelta | None = None) -> None:
    """Note that the source could not be read, and when it is tried again.

    Each failure in a row doubles the pause; a longer one that the source asked for is kept to.
    """
    Source.objects.filter(pk=source.pk).update(failures=F("failures") + 1)
    source.refresh_from_db(fields=["failures"])
    own = min(pause or timedelta(), LONGEST_PAUSE)
    until = database.now() + max(own, source.pause_after_failures())
    Source.objects.filter(pk=source.pk).update(
        last_error=error[:ERROR_CHARACTERS],
        last_error_at=Now(),
        paused_until=until,
        next_fetch_at=until,
    )
    log.warning(
        "collection_source_failed", source=source.name, failures=source.failures, error=error
    )


def note_test(source_id: str, outcome: dict[str, Any]) -> None:
    """Store what a test of the source showed."""
    result = outcome | {"at": database.now().isoformat()}
    Source.objects.filter(pk=source_id).update(test_result=result)


def try_out(source: Source) -> dict[str, Any]:
    """Ask the source without storing anything; return what it gave, or its error.

    Of a drop folder no file is moved: only its first batch is read.
    """
    try:
        first = next(_batches(source), None)
    except (SourceFault, SourceBusy, OutboundError) as error:
        pause: AsksForPause = error
        seconds = pause.retry_after.total_seconds() if pause.retry_after else None
        return {"error": str(error), "retry_after_seconds": seconds}
    items = list(first.items) if first else []
    return {"count": len(items), "posts": [_shown(item) for item in items[:SHOWN]]}


def _shown(item: Item) -> str:
    """Return what identifies an item; its text may have personal data."""
    at = f"{item.posted_at:%Y-%m-%d %H:%M}" if item.posted_at else "no time"
    return f"{at}: {item.external_id[:120]}"
