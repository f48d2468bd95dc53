"""The open reports around a place, compared with a report by one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from reports.classification.classifier import text_of
from reports.duplicates import scoring, vectors
from reports.duplicates.scoring import Facts, Likeness
from reports.models import Report, ReportQuerySet

CANDIDATES = 40  # the nearest ones; a corner with more open reports is no place for a search
COMPARED_FIELDS = (
    "title",
    "description",
    "latitude",
    "longitude",
    "created_at",
    "reporter_id",
    "status",
    "category__slug",
    "text_vector__space",
    "text_vector__vector",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open report that may be about the same problem, and how likely that is."""

    report: Report
    likeness: Likeness


def similar(
    facts: Facts, *, among: ReportQuerySet, space: str = "", limit: int | None = None
) -> list[Candidate]:
    """Return the open reports that are probably about the same problem, the likeliest first.

    `space` names the space of the vector in `facts`, see `embedder.space_of`.
    """
    span = timedelta(days=scoring.MOST_DAYS_APART)
    near = (
        among.open_around(
            facts.latitude,
            facts.longitude,
            since=facts.created_at - span,
            until=facts.created_at + span,
        )
        .select_related("text_vector", "category")
        .only(*COMPARED_FIELDS)[:CANDIDATES]
    )
    compared = [Candidate(one, scoring.compare(facts, facts_of(one, space=space))) for one in near]
    likely = [one for one in compared if one.likeness.probability >= scoring.SUGGESTED_FROM]
    return sorted(likely, key=lambda one: -one.likeness.probability)[:limit]


def facts_of(report: Report, *, space: str = "") -> Facts:
    """Return what is compared of a stored report, with its vector if that is of this space."""
    return Facts.of(
        text_of(report.title, report.description),
        latitude=report.latitude,
        longitude=report.longitude,
        created_at=report.created_at,
        reporter_id=report.reporter_id,
        vector=vectors.of_report(report, space=space),
    )
