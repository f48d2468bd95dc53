"""Suggesting to staff which open reports a new one may repeat."""

from __future__ import annotations

from uuid import UUID

from embeddings.embedder import Vectors
from reports.duplicates import candidates, vectors
from reports.duplicates.candidates import Candidate
from reports.models import OPEN_STATUSES, DuplicatePair, Report, ReportVector

SUGGESTIONS = 5  # of one report: the likeliest


def suggest(report_id: str) -> int:
    """Store which open reports a stored one may repeat; see `suggest_for`."""
    report = Report.objects.select_related("text_vector").get(pk=report_id)
    stored: ReportVector | None = getattr(report, "text_vector", None)
    if stored is None:
        return suggest_for(report)
    return suggest_for(report, vectors.unpacked(bytes(stored.vector)), space=stored.space)


def suggest_for(report: Report, vector: Vectors | None = None, *, space: str = "") -> int:
    """Store which open reports this one may repeat, with the reasons; return how many there are.

    `vector` is the report's, in `space`. A pair that staff refused or merged stays as they left it.
    In the caller's transaction. Of two reports that arrive at once, the one that is handled later
    sees the other.
    """
    if not report.is_live or report.status not in OPEN_STATUSES:
        return 0
    likely = candidates.similar(
        candidates.facts_of(report, vector),
        among=candidates.OTHERS,
        own=report.pk,
        space=space,
        limit=SUGGESTIONS,
    )
    if not likely:
        return 0
    DuplicatePair.objects.bulk_create(
        [_pair(report.pk, candidate) for candidate in likely], ignore_conflicts=True
    )
    return len(likely)


def _pair(report_id: UUID, candidate: Candidate) -> DuplicatePair:
    earlier_id, later_id = sorted((report_id, candidate.report_id))
    return DuplicatePair(
        earlier_id=earlier_id,
        later_id=later_id,
        probability=round(candidate.likeness.probability, 3),
        reasons=candidate.likeness.reasons,
    )
