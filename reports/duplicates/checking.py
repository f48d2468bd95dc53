"""Asking citizens, before their report is stored, whether it is one of those near by."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from accounts.models import User
from reports.classification.classifier import text_of
from reports.duplicates import candidates
from reports.duplicates.scoring import Facts, Likeness
from reports.models import Report

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Repeated:
    """An open report that one about to be sent probably repeats, and how likely that is."""

    report: Report
    likeness: Likeness


def check(
    title: str, description: str, *, latitude: float, longitude: float, reporter: User | None
) -> list[Repeated]:
    """Return the open public reports that this one probably repeats, the likeliest first.

    Texts are compared by their words: no web process loads the sentence model.
    """
    facts = Facts.of(
        text_of(title, description),
        latitude=latitude,
        longitude=longitude,
        created_at=timezone.now(),
        reporter_id=reporter.pk if reporter else None,
    )
    likely = candidates.similar(facts, among=candidates.PUBLIC, limit=SHOWN)
    reports = Report.objects.with_related().in_bulk([candidate.report_id for candidate in likely])
    return [
        Repeated(reports[candidate.report_id], candidate.likeness)
        for candidate in likely
        if candidate.report_id in reports
    ]
