"""The open reports around a place, compared with a report by one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from embeddings.embedder import Vectors
from jobs.ledger.database import fetch
from reports.classification.classifier import text_of
from reports.duplicates import scoring, vectors
from reports.duplicates.scoring import Facts, Likeness
from reports.models import OPEN_STATUSES, Report
from reports.models.place import cells_around, cells_literal

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
    return _likely(facts, _around(facts, among=among, own=own, space=space), limit)


def similar_to_each(
    many: Mapping[UUID, Facts], *, space: str, limit: int
) -> dict[UUID, list[Candidate]]:
    """Return, by the keys of `many`, the live reports that `similar` would return for each.

    It is one statement for all of them. Keys without such reports are left out.
    """
    around: dict[UUID, list[_Compared]] = defaultdict(list)
    for key, *row in fetch(_NEAREST_TO_EACH, _asked(many) | {"space": space}, is_prepared=True):
        around[key].append(_Compared._make(row))
    likely = {key: _likely(many[key], rows, limit) for key, rows in around.items()}
    return {key: several for key, several in likely.items() if several}


def _likely(facts: Facts, rows: Iterable[_Compared], limit: int | None) -> list[Candidate]:
    compared = [
        Candidate(row.pk, scoring.compare(facts, _facts_of_row(row)))
        for row in rows
        if scoring.could_be_one(facts, row)
    ]
    likely = [
        candidate
        for candidate in compared
        if candidate.likeness.probability >= scoring.SUGGESTED_FROM
    ]
    return sorted(likely, key=lambda one: -one.likeness.probability)[:limit]


def _around(facts: Facts, *, among: str, own: UUID | None, space: str) -> Iterable[_Compared]:
    """Return the open reports within 150 m, and some beyond, the nearest first."""
    values = {
        "own": own,
        "space": space,
        "cells": cells_around(facts.latitude, facts.longitude),
        "since": facts.created_at - _SPAN,
        "until": facts.created_at + _SPAN,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "limit": CANDIDATES,
    }
    vector, join = ("kept.vector", _KEPT) if space else ("NULL::bytea", "")
    sql = _NEAREST.format(among=among, vector=vector, join=join, **_OF_ONE)
    return map(_Compared._make, fetch(sql, values, is_prepared=True))


def _asked(many: Mapping[UUID, Facts]) -> dict[str, Any]:
    """Return the parameters of `_NEAREST_TO_EACH`: a list for each column of `asked`."""
    facts: Sequence[Facts] = list(many.values())
    return {
        "keys": list(many),
        "cells": [cells_literal(fact.latitude, fact.longitude) for fact in facts],
        "since": [fact.created_at - _SPAN for fact in facts],
        "until": [fact.created_at + _SPAN for fact in facts],
        "latitudes": [fact.latitude for fact in facts],
        "longitudes": [fact.longitude for fact in facts],
        "limit": CANDIDATES,
    }


_SPAN = timedelta(days=scoring.MOST_DAYS_APART)
_KEPT = """
    LEFT JOIN reports_reportvector AS kept
        ON kept.report_id = report.id AND kept.space = %(space)s
"""
_OPEN = ", ".join(f"'{status.value}'" for status in OPEN_STATUSES)
_NEAREST = f"""
    SELECT report.id, report.title, report.description, report.latitude, report.longitude,
        report.created_at, report.reporter_id, {{vector}}
    FROM reports_report AS report {{join}}
    WHERE report.status IN ({_OPEN}) AND report.cell = ANY({{cells}}::bigint[])
        AND report.created_at BETWEEN {{since}} AND {{until}} AND {{among}}
    ORDER BY (report.latitude - {{latitude}}) ^ 2
        + (report.longitude - {{longitude}}) ^ 2 * cos(radians({{latitude}})) ^ 2
    LIMIT %(limit)s
"""  # noqa: S608 - constants
_PLACED = ("cells", "since", "until", "latitude", "longitude")
_OF_ONE = {name: f"%({name})s" for name in _PLACED}
_OF_EACH = {name: f"asked.{name}" for name in _PLACED}
_NEAREST_TO_EACH = f"""
    SELECT asked.key, near.* FROM unnest(
        %(keys)s::uuid[], %(cells)s::text[], %(since)s::timestamptz[], %(until)s::timestamptz[],
        %(latitudes)s::float8[], %(longitudes)s::float8[]
    ) AS asked(key, cells, since, until, latitude, longitude)
    CROSS JOIN LATERAL ({_NEAREST.format(among=LIVE, vector="kept.vector", join=_KEPT, **_OF_EACH)})
        AS near
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
