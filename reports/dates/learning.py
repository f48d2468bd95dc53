"""Learn from the city's history, once a night and whenever there is no model yet."""

from __future__ import annotations

import time
from datetime import timedelta

import numpy as np
from django.db import transaction

from jobs.ledger import database
from reports.dates import history, storing
from reports.dates.calibration import calibrated
from reports.dates.cases import DAY, Cases
from reports.dates.model import Model
from reports.models import DateModel

#: It learns from about so many reports; of more, from a sample.
CASES_MAXIMUM = 30_000
#: A history with fewer reports that were done, or of fewer days, says too little.
DONE_MINIMUM = 60
DAYS_MINIMUM = 28
#: A category of which fewer reports were done has no forecasts of its own.
CATEGORY_DONE_MINIMUM = 5
LEARNED_EVERY = timedelta(hours=20)
VERSIONS_KEPT = 10


def learn_when_due() -> DateModel | None:
    """Learn unless a model is recent and of this version of the code.

    Return the new model, or None.
    """
    last = DateModel.objects.order_by("-pk").first()
    if last is not None and database.now() - last.learned_at < LEARNED_EVERY:
        is_readable = storing.unpack(bytes(last.content)) is not None
        return None if is_readable else learn()
    return learn()


def learn() -> DateModel | None:
    """Learn from the history and store the model; None while the history is too short."""
    began_at = time.monotonic()
    cases, names = history.sample(CASES_MAXIMUM)
    if not is_long_enough(cases):
        return None
    is_holiday = history.holidays()
    model = calibrated(Model.learn(cases, names, is_holiday), cases, names, is_holiday)
    return _store(model, cases, seconds=time.monotonic() - began_at)


def is_long_enough(cases: Cases) -> bool:
    """Return whether anything can be learned from a history."""
    if cases.is_done.sum() < DONE_MINIMUM:
        return False
    return bool(np.ptp(cases.created) >= DAYS_MINIMUM * DAY)


@transaction.atomic
def _store(model: Model, cases: Cases, *, seconds: float) -> DateModel:
    stored = DateModel.objects.create(
        seconds=seconds,
        cases=len(cases),
        open_cases=int((~cases.is_done).sum()),
        reach=model.reach,
        content=storing.pack(model),
    )
    kept = DateModel.objects.order_by("-pk").values("pk")[:VERSIONS_KEPT]
    DateModel.objects.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    return stored
