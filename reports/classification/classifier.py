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
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import structlog
from django.conf import settings
from django.db.models import Q, QuerySet

from embeddings.embedder import Vectors, get_embedder, space_of
from jobs.ledger.database import fetch
from reports.classification.text_model import Examples, Labels, TextModel
from reports.models import Category, CategorySource, ExampleVector, Report

log = structlog.get_logger(__name__)

LABELLED_REPORTS = 1500  # the newest ones whose category staff chose
PAUSE_PER_FIT = 50  # learning takes at most about 2 % of a worker's time …
CHECK_SECONDS = 5.0  # between two looks at what staff chose
PAUSE_MAXIMUM_SECONDS = 30.0  # … but what staff chose is learned within a minute
SUGGESTIONS = 3
REASONS = 2  # the nearest examples named for each suggestion
REASON_MIN_SIMILARITY = 0.3  # cosine of two sentence vectors; below it texts have little in common
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
class Reason:
    """An example near a report: a phrase of the category, or an earlier report by its id."""

    phrase: str | None
    report_id: str | None
    similarity: float  # cosine of the two sentence vectors


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One of the most probable categories, and its examples that are nearest to the report."""

    category: str
    confidence: float
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class Classification:
    """The most probable category of a report, its probability, and the ranking of all active ones.

    `confidence` is calibrated: of many reports with 0.8, about 80 % are right. The category is None
    only where no category is active.
    """

    category: Category | None
    confidence: float
    ranking: list[tuple[str, float]]
    suggestions: list[Suggestion]
    vector: Vectors  # of the text, float32[dimensions], see `embedder.space_of`

    def suggestions_as_json(self) -> list[dict[str, Any]]:
        """Return the suggestions as `Report.category_suggestions` keeps them."""
        return [asdict(suggestion) for suggestion in self.suggestions]


def prepare() -> None:
    """Train the model of this process before the first report needs it."""
    classify("Street lamp", "It is dark.")


def classify(
    title: str, description: str, *, categories_version: str | None = None
) -> Classification:
    """Return the classification of one report; takes about 6 ms on one core.

    `categories_version` is what CATEGORIES_VERSION answers now, if the caller has read it.

    Raises:
        Exception: whatever the embedder raises.
    """
    return classify_many([(title, description)], categories_version=categories_version)[0]


def classify_many(
    reports: Sequence[tuple[str, str]], *, categories_version: str | None = None
) -> list[Classification]:
    """Return one classification for each (title, description), in order; as `classify`."""
    fitted = _current(categories_version)
    texts = [text_of(title, description) for title, description in reports]
    vectors = get_embedder().embed(texts)
    if fitted.model is None:
        return [Classification(None, 0.0, [], [], vector) for vector in vectors]
    probabilities = fitted.model.probabilities(texts, vectors)
    return [
        _ranked(row, vector, fitted) for row, vector in zip(probabilities, vectors, strict=True)
    ]


def text_of(title: str, description: str) -> str:
    """Return the text of a report as the classifier reads it."""
    title, description = title.strip(), description.strip()
    if not title or description.startswith(title):
        return description
    return f"{title}. {description}" if description else title


def phrases_of(category: CategoryTexts) -> list[str]:
    """Return the texts of a category that the classifier learns from, each once.

    These are its name with the description, its keywords and its examples in all languages.
    """
    texts = [
        f"{category.name}. {category.description}",
        ", ".join(category.keywords),
        *category.examples,
    ]
    for translated in category.translations.values():
        texts += translated.get("examples", ())
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _ranked(probabilities: Vectors, vector: Vectors, fitted: _Fitted) -> Classification:
    order = np.argsort(-probabilities, kind="stable")
    ranking = [(fitted.categories[i].slug, float(probabilities[i])) for i in order]
    similarities = fitted.example_vectors @ vector
    nearest = np.argsort(-similarities, kind="stable")
    suggestions = [
        Suggestion(slug, confidence, _reasons(int(i), nearest, similarities, fitted.examples))
        for i, (slug, confidence) in zip(order[:SUGGESTIONS], ranking, strict=False)
    ]
    return Classification(fitted.categories[order[0]], ranking[0][1], ranking, suggestions, vector)


def _reasons(
    label: int, order: Labels, similarities: Vectors, examples: Sequence[_Example]
) -> list[Reason]:
    """Return the examples of a category that are nearest to the report, the nearest first.

    `order` names the examples by their similarity to the report, the nearest first.
    """
    reasons: list[Reason] = []
    for i in order:
        example, similarity = examples[i], round(float(similarities[i]), 3)
        if similarity < REASON_MIN_SIMILARITY or len(reasons) == REASONS:
            break
        if example.label == label:
            phrase = None if example.report_id else example.text
            reasons.append(Reason(phrase, example.report_id, similarity))
    return reasons


# --- The model of this process -------------------------------------------------------------------


class _Example(NamedTuple):
    """A text whose category, by its index, is known: a phrase, or a report that staff labelled."""

    text: str
    label: int
    report_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fitted model with what it was learned from, and when to learn from new choices of staff."""

    model: TextModel | None
    categories: Sequence[Category]
    space: str
    vectors: dict[bytes, Vectors]
    examples: Sequence[_Example]
    example_vectors: Vectors  # a row for each example
    categories_version: str
    labelled_version: str
    learn_again_at: float


_lock = threading.Lock()
_fitted: _Fitted | None = None


def _current(digest: str | None = None) -> _Fitted:
    """Return the model for the present categories, after learning where they have changed.

    After a change of the categories every thread waits for the new model. For new choices of staff,
    one thread learns while the others use the present model.
    """
    global _fitted  # noqa: PLW0603 - one model a process
    known, version = _fitted, _categories_version(digest)
    if known is None or known.categories_version != version:
        with _lock:
            # Another thread may have learned meanwhile, also from a change after `digest` was read.
            if _fitted is None or _fitted.categories_version != _categories_version():
                _fitted = _learn(_fitted)
            return _fitted
    if time.monotonic() >= known.learn_again_at and _lock.acquire(blocking=False):
        try:
            known = _fitted = _with_new_choices(known)
        finally:
            _lock.release()
    return known


#: SQL of a text that changes with every change of an active category; NULL without any. PostgreSQL
#: stores each change of a row as another version of it, at another place.
CATEGORIES_VERSION = """
    SELECT md5(string_agg(concat_ws(' ', id, xmin, cmin, ctid), '|' ORDER BY id))
    FROM reports_category WHERE is_active
"""


def _categories_version(digest: str | None = None) -> str:
    """Return a text that changes with every change of an active category, and with the embedder."""
    if digest is None:
        [(digest,)] = fetch(CATEGORIES_VERSION, (), is_prepared=True)
    return f"{settings.EMBEDDER} {digest}"


def _with_new_choices(known: _Fitted) -> _Fitted:
    """Return a model that has learned what staff chose; the same one if that is nothing new."""
    if known.labelled_version != _labelled_version():
        return _learn(known)
    return replace(known, learn_again_at=time.monotonic() + CHECK_SECONDS)


def _labelled_version() -> str:
    """Return a text that changes with the reports to learn from, in whatever order they commit."""
    [(digest,)] = fetch(
        "SELECT md5(string_agg(concat_ws(' ', id, category_id, updated_at), '|')) FROM ("
        " SELECT id, category_id, updated_at FROM reports_report WHERE category_source = %s"
        " ORDER BY updated_at DESC, id LIMIT %s) newest",
        (CategorySource.STAFF, LABELLED_REPORTS),
    )
    return str(digest)


def _labelled_reports() -> QuerySet[Report]:
    return Report.objects.filter(category_source=CategorySource.STAFF)


def _learn(known: _Fitted | None) -> _Fitted:
    started = time.monotonic()
    # The versions are read before the rows, so that a change in between is noticed next time.
    categories_version, labelled_version = _categories_version(), _labelled_version()
    categories = list(Category.objects.filter(is_active=True).order_by("id"))
    space = space_of(get_embedder())
    examples = _examples(categories)
    texts = [example.text for example in examples]
    vectors = _vectors(space, texts, known.vectors if known and known.space == space else {})
    rows = np.array([vectors[digest_of(text)] for text in texts], dtype=np.float32)
    model = _fit(examples, rows, len(categories)) if categories else None
    seconds = time.monotonic() - started
    log.info("classifier_learned", **_sizes(examples), seconds=round(seconds, 3))
    return _Fitted(
        model=model,
        categories=categories,
        space=space,
        vectors=vectors,
        examples=examples,
        example_vectors=rows,
        categories_version=categories_version,
        labelled_version=labelled_version,
        learn_again_at=started + seconds + min(seconds * PAUSE_PER_FIT, PAUSE_MAXIMUM_SECONDS),
    )


def _sizes(examples: Sequence[_Example]) -> dict[str, int]:
    reports = sum(example.report_id is not None for example in examples)
    return {"phrases": len(examples) - reports, "reports": reports}


def _fit(examples: Sequence[_Example], vectors: Vectors, classes: int) -> TextModel:
    return TextModel.fit(
        Examples(
            texts=[example.text for example in examples],
            vectors=vectors,
            labels=np.array([example.label for example in examples], dtype=np.intp),
            is_phrase=np.array([example.report_id is None for example in examples]),
        ),
        classes,
    )


def _examples(categories: Sequence[Category]) -> list[_Example]:
    """Return the phrases of the categories and the newest reports whose category staff chose."""
    phrases = [
        _Example(phrase, i)
        for i, category in enumerate(categories)
        for phrase in phrases_of(category)
    ]
    index = {category.pk: i for i, category in enumerate(categories)}
    newest = _labelled_reports().filter(category__in=index).order_by("-updated_at", "id")
    rows = newest.values_list("id", "title", "description", "category_id")[:LABELLED_REPORTS]
    return phrases + [
        _Example(text_of(title, description), index[category_id], str(report_id))
        for report_id, title, description, category_id in rows
    ]


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
