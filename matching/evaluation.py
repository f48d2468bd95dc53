"""Measuring the quality of the ranking on judged opportunities.

It uses the code of production, on rows that are rolled back afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from django.contrib.auth import get_user_model
from django.db import transaction

from embeddings.embedder import get_embedder
from imports.errors import ImportFileError, RowRejected
from imports.importers import ImportFile
from imports.reading.records import Record
from imports.reading.surveys import reading, survey
from imports.rows import Row
from matching.errors import EvaluationFileError
from matching.importing import OpportunityImporter
from matching.models import Kind, Opportunity, Profile
from matching.ranking.pipeline import criteria_of, find
from matching.ranking.wishes import wish_of
from matching.search.criteria import Criteria
from matching.text.rarity import measure_rarity
from matching.text.terms import Rarity
from matching.vectors.spaces import label_of, space_for
from matching.vectors.storing import BATCH_TEXTS, embed_opportunities, profile_vector

Grades = Mapping[str, int]
NDCG_DEPTH, RECALL_DEPTH, RELEVANT_GRADE = 10, 20, 2
BOOTSTRAP_SAMPLES = 4000


@dataclass(frozen=True, slots=True)
class ProfileQuality:
    """The quality of the ranking for one profile."""

    id: str
    ndcg_at_10: float
    recall_at_20: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The mean quality over all profiles.

    `ndcg_at_10_interval` holds the bounds of its 95 % interval over citizens, by the bootstrap
    (Efron, 1979). Profiles without a relevant opportunity do not count in `recall_at_20`.
    """

    ndcg_at_10: float
    ndcg_at_10_interval: list[float]
    recall_at_20: float
    profiles: int
    opportunities: int
    embedder: str
    by_profile: list[ProfileQuality]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return asdict(self)


def evaluate(opportunities: Path, judgements: Path) -> Evaluation:
    """Measure the quality of the ranking on two files; the database stays as it was.

    `opportunities` is a file of JSON lines as for `import_opportunities`; their dates exclude none.
    `judgements` is a file of lines `{profile, judgements: {external_id: grade}}`, with grades from
    0; an opportunity without a grade counts as 0.

    Raises:
        EvaluationFileError: a file cannot be used.
    """
    judged = list(_judged(judgements))
    with transaction.atomic():
        source = f"evaluation-{uuid4()}"
        external_ids = _load(opportunities, source)
        rarity = measure_rarity(source)
        by_profile = [_quality(entry, source, external_ids, rarity) for entry in judged]
        transaction.set_rollback(True)
    gains = [quality.ndcg_at_10 for quality in by_profile]
    recalls = [
        quality.recall_at_20 for quality in by_profile if not math.isnan(quality.recall_at_20)
    ]
    return Evaluation(
        ndcg_at_10=sum(gains) / len(gains),
        ndcg_at_10_interval=interval_of_mean(gains),
        recall_at_20=sum(recalls) / max(len(recalls), 1),
        profiles=len(by_profile),
        opportunities=len(external_ids),
        embedder=label_of(get_embedder()),
        by_profile=by_profile,
    )


def _judged(path: Path) -> Iterator[tuple[dict[str, Any], Grades]]:
    """Yield each profile with its grades.

    Raises:
        EvaluationFileError: a line is malformed, or there is none.
    """
    count = 0
    for number, record in _records(path):
        match record.values:
            case {"profile": dict(profile), "judgements": dict(grades)} if _are_grades(grades):
                count += 1
                yield profile, grades
            case _:
                raise EvaluationFileError(f"{path.name}:{number}: no profile with judgements.")
    if not count:
        raise EvaluationFileError(f"{path.name} has no judgements.")


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    """Yield the records of the file with their numbers, from 1.

    Raises:
        EvaluationFileError: the file cannot be read.
    """
    try:
        with reading(survey(path)) as (records, _):
            yield from enumerate(records, 1)
    except ImportFileError as error:
        raise EvaluationFileError(f"{path.name}: {error}") from error


def _are_grades(grades: Mapping[Any, Any]) -> bool:
    return all(isinstance(grade, int) and 0 <= grade <= 30 for grade in grades.values())


def _load(path: Path, source: str) -> dict[Any, str]:
    """Store the opportunities with their vectors; return their external ids by id.

    Raises:
        EvaluationFileError: a line is no opportunity, or there is none.
    """
    external_ids: dict[Any, str] = {}
    batch: list[Opportunity] = []
    file = ImportFile(path=path, source=source)
    importer, times = OpportunityImporter(file), file.times()
    columns = {name: name for name in importer.fields}
    for number, record in _records(path):
        try:
            batch.append(importer.read(Row(record, columns, times)))
        except RowRejected as error:
            raise EvaluationFileError(f"{path.name}:{number}: {error}") from error
        if len(batch) == BATCH_TEXTS:
            external_ids |= _store(batch)
            batch = []
    external_ids |= _store(batch)
    if not external_ids:
        raise EvaluationFileError(f"{path.name} has no opportunities.")
    return external_ids


def _store(batch: Sequence[Opportunity]) -> dict[Any, str]:
    for one in batch:
        one.is_active = True
    Opportunity.objects.bulk_create(batch)
    embed_opportunities([opportunity.pk for opportunity in batch])
    return {opportunity.pk: opportunity.external_id for opportunity in batch}


def _quality(
    entry: tuple[dict[str, Any], Grades],
    source: str,
    external_ids: Mapping[Any, str],
    rarity: Rarity,
) -> ProfileQuality:
    fields, grades = entry
    embedder = get_embedder()
    space = space_for(embedder)
    profile = _profile(fields)
    query = wish_of(profile_vector(profile, embedder, space), space.dimensions)
    criteria = criteria_of(profile, day=None)
    ranked = find(query, _within(criteria, source), space, count=RECALL_DEPTH, rarity=rarity)
    order = [external_ids[match.id] for match in ranked]
    return ProfileQuality(str(fields.get("id", "")), ndcg(order, grades), recall(order, grades))


def _within(criteria: Criteria, source: str) -> Criteria:
    return Criteria(
        kinds=criteria.kinds,
        languages=criteria.languages,
        place=criteria.place,
        radius_km=criteria.radius_km,
        source=source,
    )


def _profile(fields: Mapping[str, Any]) -> Profile:
    """Return a profile of an invented citizen, not stored."""
    user = get_user_model()(phone="+10000000000")
    texts = {name: str(fields.get(name) or "") for name in ("headline", "about", "availability")}
    lists = {
        name: [str(value) for value in fields.get(name) or []]
        for name in ("skills", "interests", "languages")
    }
    wants = [kind for kind in fields.get("wants") or [] if kind in Kind.values]
    place = {name: fields.get(name) for name in ("latitude", "longitude", "radius_km")}
    return Profile(user=user, wants=wants, **texts, **lists, **place)


def interval_of_mean(values: Sequence[float]) -> list[float]:
    """Return the bounds of the 95 % interval of the mean, by resampling the values."""
    samples = np.random.default_rng(0).choice(values, size=(BOOTSTRAP_SAMPLES, len(values)))
    return [float(bound) for bound in np.quantile(samples.mean(axis=1), (0.025, 0.975))]


def ndcg(order: Sequence[str], grades: Grades, depth: int = NDCG_DEPTH) -> float:
    """Return the normalised discounted cumulative gain, 0 to 1.

    The gain is 2^grade − 1 (Burges et al., 2005); the result is 0 if no grade is above 0.
    """
    gains = [2 ** grades.get(opportunity_id, 0) - 1 for opportunity_id in order[:depth]]
    best = sorted((2**grade - 1 for grade in grades.values()), reverse=True)[:depth]
    ideal = _discounted(best)
    return _discounted(gains) / ideal if ideal else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def recall(order: Sequence[str], grades: Grades, depth: int = RECALL_DEPTH) -> float:
    """Return the share of the relevant opportunities among the first `depth`.

    It is nan if no opportunity is relevant.
    """
    relevant = {one for one, grade in grades.items() if grade >= RELEVANT_GRADE}
    return len(relevant.intersection(order[:depth])) / len(relevant) if relevant else math.nan
