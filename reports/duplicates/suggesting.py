"""Suggesting to staff which open reports a new one may repeat."""

from __future__ import annotations

from reports.duplicates import candidates
from reports.duplicates.candidates import Candidate
from reports.models import OPEN_STATUSES, DuplicatePair, Report, ReportVector

SUGGESTIONS = 5  # of one report: the likeliest


def suggest(report_id: str) -> int:
    """Store which open reports this one may repeat, with the reasons; return how many there are.

    A pair that staff refused or merged stays as they left it. In the caller's transaction. Of two
    reports that arrive at once, the one that is handled later sees the other.
    """
    report = Report.objects.select_related("text_vector").get(pk=report_id)
    if not report.is_live or report.status not in OPEN_STATUSES:
        return 0
    stored: ReportVector | None = getattr(report, "text_vector", None)
    space = stored.space if stored else ""
    found = candidates.similar(
        candidates.facts_of(report, space=space),
        among=Report.objects.filter(is_live=True).exclude(pk=report.pk),
        space=space,
        limit=SUGGESTIONS,
    )
    DuplicatePair.objects.bulk_create(
        [_pair(report, candidate) for candidate in found], ignore_conflicts=True
    )
    return len(found)


def _pair(report: Report, candidate: Candidate) -> DuplicatePair:
    earlier, later = sorted((report, candidate.report), key=lambda one: one.pk)
    return DuplicatePair(
        earlier=earlier,
        later=later,
        probability=round(candidate.likeness.probability, 3),
        reasons=candidate.likeness.reasons,
    )
