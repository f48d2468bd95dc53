"""Propose the category of a report, with a probability.

The classifier learns from the texts of the active categories (name, description, keywords, example
phrases) and from the reports whose category staff chose. A change of a category takes effect with
the next report; choices by staff are learned soon after. It runs in workers only, because it needs
the embedder.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import structlog
from django.conf import settings
from django.db.models import Max, Q, QuerySet

from embeddings.embedder import Vectors, get_embedder, space_of
from jobs.ledger.database import fetch
from reports.classification.text_model import Examples, TextModel
from reports.models import Category, CategorySource, ExampleVector, Report

log = structlog.get_logger(__name__)

LABELLED_REPORTS = 1500  # the newest ones whose category staff chose
PAUSE_PER_FIT = 50  # learning takes at most about 2 % of a worker's time
VECTOR_TYPE = np.dtype("<f4")


class CategoryTexts(Protocol):
    """The texts of a category from which the classifier learns."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def keywords(self) -> Sequence[str]: ...
    @property
    def examples(self) -> Sequence[str]: ...
    @property
    def translations(self) -> Mapping[str, Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Classification:
    """The most probable category of a report, its probability, and the ranking of all active ones.

    `confidence` is calibrated: of many reports with 0.8, about 80 % are right. The category is None
    only where no category is active.
    """

    category: Category | None
    confidence: float
    ranking: list[tuple[str, float]]


def prepare() -> None:
    """Train the model of this process before the first report needs it."""
    classify("Street lamp", "It is dark.")


def classify(title: str, description: str) -> Classification:
    """Return the classification of one report; takes about 6 ms on one core.

    Raises:
        Exception: whatever the embedder raises.
    """
    return classify_many([(title, description)])[0]


def classify_many(reports: Sequence[tuple[str, str]]) -> list[Classification]:
    """Return one classification for each (title, description), in order."""
    fitted = _current()
    if fitted.model is None:
        return [Classification(None, 0.0, []) for _ in reports]
    texts = [text_of(title, description) for title, description in reports]
    probabilities = fitted.model.probabilities(texts, get_embedder().embed(texts))
    return [_ranked(row, fitted.categories) for row in probabilities]


def text_of(title: str, description: str) -> str:
    """Return the text of a report as the classifier reads it."""
    title, description = title.strip(), description.strip()
    if not title or description.startswith(title):
        return description
    return f"{title}. {description}" if description else title


def phrases_of(category: CategoryTexts) -> list[str]:
    """Return the texts of a category to learn from, each once; of its translations the examples."""
    texts = [
        f"{category.name}. {category.description}",
        ", ".join(category.keywords),
        *category.examples,
    ]
    for translated in category.translations.values():
        texts += translated.get("examples", ())
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _ranked(probabilities: Vectors, categories: Sequence[Category]) -> Classification:
    order = np.argsort(-probabilities, kind="stable")
    ranking = [(categories[i].slug, float(probabilities[i])) for i in order]
    return Classification(categories[order[0]], ranking[0][1], ranking)


# --- The model of this process ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fitted model with what it was learned from, and when to learn from new choices of staff."""

    model: TextModel | None
    categories: Sequence[Category]
    space: str
    vectors: dict[bytes, Vectors]
    categories_version: str
    labelled_version: datetime | None
    learn_again_at: float


_lock = threading.Lock()
_fitted: _Fitted | None = None


def _current() -> _Fitted:
    """Return the model for the present categories, after learning where they have changed.

    After a change of the categories every thread waits for the new model. For new choices of staff,
    one thread learns while the others use the present model.
    """
    global _fitted  # noqa: PLW0603 - one model a process
    known, version = _fitted, _categories_version()
    if known is None or known.categories_version != version:
        with _lock:
            if _fitted is None or _fitted.categories_version != version:
                _fitted = _learn(_fitted)
            return _fitted
    if _has_more_to_learn(known) and _lock.acquire(blocking=False):
        try:
            known = _fitted = _learn(known)
        finally:
            _lock.release()
    return known


def _categories_version() -> str:
    """Return a text that changes with every change of an active category, and with the embedder."""
    [(digest,)] = fetch(
        "SELECT md5(string_agg(category::text, '|' ORDER BY id))"
        " FROM reports_category category WHERE is_active",
        (),
    )
    return f"{settings.EMBEDDER} {digest}"


def _has_more_to_learn(known: _Fitted) -> bool:
    return (
        time.monotonic() >= known.learn_again_at and known.labelled_version != _labelled_version()
    )


def _labelled_version() -> datetime | None:
    newest: datetime | None = _labelled_reports().aggregate(newest=Max("updated_at"))["newest"]
    return newest


def _labelled_reports() -> QuerySet[Report]:
    return Report.objects.filter(category_source=CategorySource.STAFF)


def _learn(known: _Fitted | None) -> _Fitted:
    started = time.monotonic()
    # The versions are read before the rows, so that a change in between is noticed next time.
    categories_version, labelled_version = _categories_version(), _labelled_version()
    categories = list(Category.objects.filter(is_active=True).order_by("id"))
    space = space_of(get_embedder())
    texts, labels, phrases = _examples(categories)
    vectors = _vectors(space, texts, known.vectors if known and known.space == space else {})
    model = (
        _fit(texts, [vectors[digest_of(text)] for text in texts], labels, phrases)
        if categories
        else None
    )
    seconds = time.monotonic() - started
    log.info(
        "classifier_learned",
        phrases=phrases,
        reports=len(texts) - phrases,
        seconds=round(seconds, 3),
    )
    return _Fitted(
        model=model,
        categories=categories,
        space=space,
        vectors=vectors,
        categories_version=categories_version,
        labelled_version=labelled_version,
        learn_again_at=started + seconds * (1 + PAUSE_PER_FIT),
    )


def _fit(texts: list[str], vectors: list[Vectors], labels: list[int], phrases: int) -> TextModel:
    examples = Examples(
        texts=texts,
        vectors=np.stack(vectors),
        labels=np.array(labels, dtype=np.intp),
        is_phrase=np.arange(len(texts)) < phrases,
    )
    return TextModel.fit(examples, 1 + max(labels))


def _examples(categories: Sequence[Category]) -> tuple[list[str], list[int], int]:
    """Return the texts, the index of each one's category, and how many of them are phrases.

    The phrases of the categories come first, then the reports.
    """
    texts: list[str] = []
    labels: list[int] = []
    for i, category in enumerate(categories):
        phrases = phrases_of(category)
        texts += phrases
        labels += [i] * len(phrases)
    index = {category.pk: i for i, category in enumerate(categories)}
    labelled = (
        _labelled_reports().filter(category__in=index).order_by("-updated_at")[:LABELLED_REPORTS]
    )
    number = len(texts)
    for title, description, category_id in labelled.values_list(
        "title", "description", "category_id"
    ):
        texts.append(text_of(title, description))
        labels.append(index[category_id])
    return texts, labels, number


# --- Vectors of the examples ---------------------------------------------------------------------


def digest_of(text: str) -> bytes:
    """Return the SHA-256 of a text, under which its vector is stored."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _vectors(space: str, texts: Sequence[str], known: dict[bytes, Vectors]) -> dict[bytes, Vectors]:
    """Return the vector of each text by the text's digest.

    Vectors come from `known`, else from the database; missing ones are computed and stored for
    other workers. Stored vectors of texts that are no examples any more are deleted.
    """
    by_digest = {digest_of(text): text for text in texts}
    vectors = {digest: known[digest] for digest in by_digest if digest in known}
    stored = ExampleVector.objects.filter(
        space=space, digest__in=[digest for digest in by_digest if digest not in vectors]
    )
    for digest, vector in stored.values_list("digest", "vector"):
        vectors[bytes(digest)] = np.frombuffer(vector, dtype=VECTOR_TYPE)
    # All workers insert in the same order, so that two of them never deadlock.
    missing = sorted(by_digest.keys() - vectors.keys())
    if missing:
        computed = get_embedder().embed([by_digest[digest] for digest in missing])
        vectors |= dict(zip(missing, computed, strict=True))
        ExampleVector.objects.bulk_create(
            [
                ExampleVector(
                    space=space, digest=digest, vector=vectors[digest].astype(VECTOR_TYPE).tobytes()
                )
                for digest in missing
            ],
            ignore_conflicts=True,
        )
    ExampleVector.objects.exclude(Q(space=space) & Q(digest__in=list(by_digest))).delete()
    return vectors
