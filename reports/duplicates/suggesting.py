"""Suggesting to staff which open reports a new one may repeat."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from embeddings.embedder import Vectors
from jobs.ledger import together
from jobs.ledger.together import Part, apart
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
    with apart():  # what is stored of this report makes no difference to the others
        likely = candidates.similar(
            candidates.facts_of(report, vector),
            among=candidates.OTHERS,
            own=report.pk,
            space=space,
            limit=SUGGESTIONS,
        )
    if likely:
        _keep(report.pk, likely)
    return len(likely)


def _keep(report_id: UUID, likely: Sequence[Candidate]) -> None:
    rows = [
        (
            *sorted((report_id, candidate.report_id)),
            round(candidate.likeness.probability, 3),
            Jsonb(candidate.likeness.reasons),
        )
        for candidate in likely
    ]
    # In one order for everybody, or reports that arrive together could wait for each other.
    rows.sort(key=lambda row: row[:2])
    columns = [list(column) for column in zip(*rows, strict=True)]
    together.send(Part(_PAIRS, [DuplicatePair.State.SUGGESTED, *columns]))


_PAIRS = """
    INSERT INTO reports_duplicatepair (state, earlier_id, later_id, probability, reasons)
    SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::float8[], %s::jsonb[])
    ON CONFLICT DO NOTHING
"""
