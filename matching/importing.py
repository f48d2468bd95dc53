"""Bringing in opportunities of another system: streamed, in batches, each known by its source and
external id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

import jobs
from jobs.http import strict_json
from jobs.ledger.database import lock
from jobs.urgency import Urgency
from matching.errors import ImportFileError
from matching.import_formats import FORMATS, Row, RowRejected, row_to_opportunity
from matching.models import Opportunity
from matching.opportunities.publishing import TEXT_FIELDS, announce_changes
from matching.search import generation

BATCH_ROWS = 500
#: What a repeated row may change.
FIELDS = (
    "kind", "title", "description", "organisation", "category", "requirements", "languages", "starts_on", "ends_on",
    "latitude", "longitude", "is_remote", "capacity", "is_active",
)  # fmt: skip


@dataclass(slots=True)
class Counts:
    """What became of the rows so far."""

    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0


def import_opportunities(
    path: Path,
    *,
    source: str,
    format: str = "jsonl",  # noqa: A002 - the command's word
    rejects: Path,
    on_progress: Callable[[Counts], object] = lambda _counts: None,
) -> Counts:
    """Every row is an opportunity of `source`, once however often it is imported, or in `rejects`
    with the reason.

    Each batch commits by itself with the tasks that embed it, so an interrupted import is simply
    started again. Memory does not grow with the file. Raises ImportFileError for a file that cannot
    be read.
    """
    counts = Counts()
    try:
        with (
            jobs.entering(Urgency.BULK, sender=f"import:{source}"),
            rejects.open("w", encoding="utf-8") as rejected,
        ):
            for batch in _batches(FORMATS[format](path)):
                _import_batch(batch, source, counts, rejected.write)
                on_progress(counts)
    except OSError as error:
        raise ImportFileError(f"{error.filename}: {error.strerror}") from error
    return counts


def _batches(rows: Iterator[tuple[int, Row]]) -> Iterator[list[tuple[int, Row]]]:
    batch: list[tuple[int, Row]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _import_batch(
    batch: Sequence[tuple[int, Row]], source: str, counts: Counts, reject: Callable[[str], object]
) -> None:
    read: dict[str, Opportunity] = {}
    for number, row in batch:
        counts.rows += 1
        try:
            opportunity = row_to_opportunity(row, source=source)
        except RowRejected as error:
            counts.rejected += 1
            reject(strict_json.dumps({"line": number, "reason": str(error), "row": row}) + "\n")
            continue
        if opportunity.external_id in read:
            counts.unchanged += 1  # the last of several counts
        read[opportunity.external_id] = opportunity
    with transaction.atomic():
        _store(read, source, counts)


def _store(read: dict[str, Opportunity], source: str, counts: Counts) -> None:
    """New ones are added, different ones changed; their vectors and whom they suit follow in the
    background.
    """
    lock(f"import {source}")
    known = {one.external_id: one for one in _known(source, list(read))}
    new = [one for external_id, one in read.items() if external_id not in known]
    pairs = [(known[external_id], one) for external_id, one in read.items() if external_id in known]
    compared = {old.pk: _differences(old, one) for old, one in pairs}
    changes = {pk: differences for pk, differences in compared.items() if differences}
    Opportunity.objects.bulk_create(new)
    for pk, differences in changes.items():
        _change(pk, differences)
    counts.created += len(new)
    counts.changed += len(changes)
    counts.unchanged += len(pairs) - len(changes)
    if new or changes:
        generation.advance()
    affected: dict[UUID, Collection[str]] = {one.pk: FIELDS for one in new}
    affected.update(changes)
    announce_changes(affected)


def _known(source: str, external_ids: Sequence[str]) -> list[Opportunity]:
    return list(
        Opportunity.objects.filter(source=source, external_id__in=external_ids).defer("search")
    )


def _differences(old: Opportunity, new: Opportunity) -> dict[str, Any]:
    return {name: getattr(new, name) for name in FIELDS if getattr(new, name) != getattr(old, name)}


def _change(pk: UUID, differences: dict[str, Any]) -> None:
    bump = {} if TEXT_FIELDS.isdisjoint(differences) else {"version": F("version") + 1}
    Opportunity.objects.filter(pk=pk).update(**differences, **bump, updated_at=timezone.now())
