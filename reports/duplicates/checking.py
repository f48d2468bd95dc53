"""Asking citizens, before their report is stored, whether it is one of those near by."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import User
from reports.classification.classifier import text_of
from reports.duplicates import candidates
from reports.duplicates.candidates import Candidate
from reports.duplicates.scoring import Facts
from reports.models import Report

SHOWN = 5


def check(
    title: str, description: str, *, latitude: float, longitude: float, reporter: User | None
) -> list[Candidate]:
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
    return candidates.similar(facts, among=Report.objects.published(), limit=SHOWN)
