"""The open reports around a place, compared with a report by one statement."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from embeddings.embedder import Vectors
from jobs.ledger.database import fetch
from reports.classification.classifier import text_of
from reports.duplicates import scoring, vectors
from reports.duplicates.scoring import Facts, Likeness
from reports.models import OPEN_STATUSES, Report
from reports.models.place import cells_around

CANDIDATES = 40  # the nearest ones; a corner with more open reports is no place for a search

#: Among which reports to search: the public ones, all of now, or these but that of these facts.
PUBLIC = "report.published_at IS NOT NULL"
LIVE = "report.is_live"
OTHERS = f"{LIVE} AND report.id <> %(own)s"


class _Compared(NamedTuple):
    """What is read of an open report near by. Rows of many are read for each report that comes."""

    pk: UUID
    title: str
    description: str
    latitude: float
    longitude: float
    created_at: datetime
    reporter_id: UUID | None
    vector: bytes | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open report that may be about the same problem, and how likely that is."""

    report_id: UUID
    likeness: Likeness


def similar(
    facts: Facts,
    *,
    among: str,
    own: UUID | None = None,
    space: str = "",
    limit: int | None = None,
) -> list[Candidate]:
    """Return the open reports that are probably about the same problem, the likeliest first.

    Args:
        among: PUBLIC, LIVE or OTHERS.
        own: the id of the report of these facts, if it is stored.
        space: the space of the vector in `facts`, see `embedder.space_of`.
    """
    compared = [
        Candidate(row.pk, scoring.compare(facts, _facts_of_row(row)))
        for row in _around(facts, among=among, own=own, space=space)
        if scoring.could_be_one(facts, row)
    ]
    likely = [one for one in compared if one.likeness.probability >= scoring.SUGGESTED_FROM]
    return sorted(likely, key=lambda one: -one.likeness.probability)[:limit]


def _around(facts: Facts, *, among: str, own: UUID | None, space: str) -> Iterable[_Compared]:
    """Return the open reports within 150 m, and some beyond, the nearest first."""
    span = timedelta(days=scoring.MOST_DAYS_APART)
    values = {
        "own": own,
        "space": space,
        "cells": cells_around(facts.latitude, facts.longitude),
        "since": facts.created_at - span,
        "until": facts.created_at + span,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "shrink": math.cos(math.radians(facts.latitude)) ** 2,
        "limit": CANDIDATES,
    }
    vector, join = ("kept.vector", _KEPT) if space else ("NULL::bytea", "")
    sql = _NEAREST.format(among=among, vector=vector, join=join)
    return map(_Compared._make, fetch(sql, values, is_prepared=True))


_KEPT = """
    LEFT JOIN reports_reportvector AS kept
        ON kept.report_id = report.id AND kept.space = %(space)s
"""
_OPEN = ", ".join(f"'{status.value}'" for status in OPEN_STATUSES)
_NEAREST = f"""
    SELECT report.id, report.title, report.description, report.latitude, report.longitude,
        report.created_at, report.reporter_id, {{vector}}
    FROM reports_report AS report {{join}}
    WHERE report.status IN ({_OPEN}) AND report.cell = ANY(%(cells)s::bigint[])
        AND report.created_at BETWEEN %(since)s AND %(until)s AND {{among}}
    ORDER BY (report.latitude - %(latitude)s) ^ 2
        + (report.longitude - %(longitude)s) ^ 2 * %(shrink)s
    LIMIT %(limit)s
"""  # noqa: S608 - constants


def _facts_of_row(row: _Compared) -> Facts:
    return facts_of(row, None if row.vector is None else vectors.unpacked(row.vector))


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
