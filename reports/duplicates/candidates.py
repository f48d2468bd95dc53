"""The open reports around a place, compared with a report by one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from embeddings.embedder import Vectors
from reports.classification.classifier import text_of
from reports.duplicates import scoring, vectors
from reports.duplicates.scoring import Facts, Likeness
from reports.models import Report, ReportQuerySet

CANDIDATES = 40  # the nearest ones; a corner with more open reports is no place for a search


class _Compared(NamedTuple):
    """What is read of an open report near by. Rows of many are read for each report that comes."""

    pk: UUID
    title: str
    description: str
    latitude: float
    longitude: float
    created_at: datetime
    reporter_id: UUID | None
    text_vector__space: str | None
    text_vector__vector: bytes | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open report that may be about the same problem, and how likely that is."""

    report_id: UUID
    likeness: Likeness


def similar(
    facts: Facts, *, among: ReportQuerySet, space: str = "", limit: int | None = None
) -> list[Candidate]:
    """Return the open reports that are probably about the same problem, the likeliest first.

    `space` names the space of the vector in `facts`, see `embedder.space_of`.
    """
    span = timedelta(days=scoring.MOST_DAYS_APART)
    near = among.open_around(
        facts.latitude,
        facts.longitude,
        since=facts.created_at - span,
        until=facts.created_at + span,
    ).values_list(*_Compared._fields)[:CANDIDATES]
    compared = [
        Candidate(row.pk, scoring.compare(facts, _facts_of_row(row, space=space)))
        for row in map(_Compared._make, near)
    ]
    likely = [one for one in compared if one.likeness.probability >= scoring.SUGGESTED_FROM]
    return sorted(likely, key=lambda one: -one.likeness.probability)[:limit]


def _facts_of_row(row: _Compared, *, space: str) -> Facts:
    is_comparable = space and row.text_vector__space == space
    stored = row.text_vector__vector if is_comparable else None
    return facts_of(row, None if stored is None else vectors.unpacked(stored))


def facts_of(report: Report | _Compared, vector: Vectors | None) -> Facts:
    """Return what is compared of a stored report, with its vector where that is known."""
    return Facts.of(
        text_of(report.title, report.description),
        latitude=report.latitude,
        longitude=report.longitude,
        created_at=report.created_at,
        reporter_id=report.reporter_id,
        vector=vector,
    )
