"""Measure how good the classifier is on labelled reports."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.embedder import Vectors, get_embedder, space_of
from reports.catalogue.documents import shipped_categories
from reports.classification.classifier import CategoryTexts, phrases_of, text_of
from reports.classification.text_model import (
    Examples,
    Labels,
    Quality,
    TextModel,
    confusion,
    quality,
)
from reports.errors import EvaluationFileError
from reports.models import Category

Confusion = list[list[int]]  # [right category][best category] → reports

COLUMNS = ("category", "description")
UNKNOWN_LABELS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The classifier's quality on the later part of a file.

    `zero_shot` knows only the texts of the categories; `learned` has learned from the earlier part
    too.
    """

    embedder: str
    categories: int
    phrases: int
    learned_reports: int
    unknown_labels: int  # rows whose category does not exist here; left out
    milliseconds_per_text: float
    zero_shot: Quality
    learned: Quality
    slugs: list[str]
    confusion: Confusion  # with the earlier part learned

    def as_json(self) -> dict[str, Any]:
        figures = asdict(self)
        del figures["slugs"], figures["confusion"]
        return figures


@dataclass(frozen=True, slots=True)
class Trial:
    """Quality on the reports of one file, having learned from those of another."""

    embedder: str
    slugs: list[str]
    phrases: int
    learned_reports: int
    milliseconds_per_text: float  # processor time of embedding and classifying
    quality: Quality
    confusion: Confusion

    def as_json(self) -> dict[str, float]:
        return {
            "top1": self.quality.top1,
            "top3": self.quality.top3,
            "calibration_error": self.quality.ece,
            "milliseconds_per_text": self.milliseconds_per_text,
        }


@dataclass(frozen=True, slots=True)
class _Labelled:
    texts: list[str]
    labels: Labels
    unknown: Counter[str]  # labels that are no category here, and on how many rows


def evaluate(path: Path, *, train_share: float) -> Evaluation:
    """Evaluate the classifier on a CSV with `category` (slug), `description` and perhaps `title`.

    Rows are taken in the order of the file; the first `train_share` of them are the earlier part,
    to learn from. The categories are the active ones, or those that ship with the product if there
    are none.

    Raises:
        EvaluationFileError: the file cannot be read, or leaves no report to test on.
    """
    categories = _categories()
    labelled = _read(path, list(categories))
    cut = int(len(labelled.texts) * train_share)
    if not 0 <= cut < len(labelled.texts):
        raise EvaluationFileError("No labelled report is left to test on.")
    vectors, milliseconds = _timed_vectors(labelled.texts)
    phrases = _phrases(list(categories.values()))
    earlier = _as_examples(labelled.texts[:cut], vectors[:cut], labelled.labels[:cut])

    truth = labelled.labels[cut:]

    def tested(examples: Examples) -> Vectors:
        model = TextModel.fit(examples, len(categories))
        return model.probabilities(labelled.texts[cut:], vectors[cut:])

    learned = tested(_with_reports(phrases, earlier))
    return Evaluation(
        embedder=space_of(get_embedder()),
        categories=len(categories),
        phrases=len(phrases.texts),
        learned_reports=cut,
        unknown_labels=labelled.unknown.total(),
        milliseconds_per_text=milliseconds,
        zero_shot=quality(tested(phrases), truth),
        learned=quality(learned, truth),
        slugs=list(categories),
        confusion=confusion(learned, truth),
    )


def _timed_vectors(texts: list[str]) -> tuple[Vectors, float]:
    """Return the vectors of texts, and the milliseconds of processor time that one text took."""
    get_embedder().embed(["x"])  # so that loading the model is not measured
    started = time.process_time()
    vectors = get_embedder().embed(texts)
    return vectors, (time.process_time() - started) * 1000 / len(texts)


def evaluate_files(train: Path, test: Path, *, per_class: int | None = None) -> Trial:
    """Learn from the reports of `train`, and measure on those of `test`.

    With `per_class` it learns from the last so many of each category.
    """
    categories = _categories()
    known = _newest(_read_known(train, list(categories)), per_class)
    tested = _read_known(test, list(categories))
    phrases = _phrases(list(categories.values()))
    reports = _as_examples(known.texts, get_embedder().embed(known.texts), known.labels)
    model = TextModel.fit(_with_reports(phrases, reports), len(categories))
    started = time.process_time()
    probabilities = model.probabilities(tested.texts, get_embedder().embed(tested.texts))
    milliseconds = (time.process_time() - started) * 1000 / len(tested.texts)
    return Trial(
        embedder=space_of(get_embedder()),
        slugs=list(categories),
        phrases=len(phrases.texts),
        learned_reports=len(known.texts),
        milliseconds_per_text=milliseconds,
        quality=quality(probabilities, tested.labels),
        confusion=confusion(probabilities, tested.labels),
    )


def _categories() -> dict[str, CategoryTexts]:
    active: dict[str, CategoryTexts] = {
        c.slug: c for c in Category.objects.filter(is_active=True).order_by("id")
    }
    return active or {category.slug: category for category in shipped_categories()}


def _read(path: Path, slugs: Sequence[str]) -> _Labelled:
    texts, labels, unknown = [], [], Counter[str]()
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(path, reader.fieldnames or ())
            for row in reader:
                label, text = row["category"] or "", row["description"] or ""
                if label not in slugs:
                    unknown[label] += 1
                    continue
                texts.append(text_of(row.get("title") or "", text))
                labels.append(slugs.index(label))
    except OSError as error:
        raise EvaluationFileError(f"{path} cannot be read: {error.strerror}.") from error
    except csv.Error as error:
        raise EvaluationFileError(f"{path} is not a CSV file: {error}.") from error
    return _Labelled(texts, np.array(labels, dtype=np.intp), unknown)


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    if not columns:
        raise EvaluationFileError(f"{path} is empty.")
    if missing := [name for name in COLUMNS if name not in columns]:
        raise EvaluationFileError(f"{path} has no column {missing[0]!r}.")


def _read_known(path: Path, slugs: Sequence[str]) -> _Labelled:
    """Return the labelled reports of a file in which every label is a category."""
    labelled = _read(path, slugs)
    if labelled.unknown:
        commonest = labelled.unknown.most_common(UNKNOWN_LABELS_NAMED)
        raise EvaluationFileError(
            f"Rows of {path} whose label is no category here: {labelled.unknown.total()} "
            f"({', '.join(repr(label) for label, _ in commonest)}). "
            f"The categories are {', '.join(slugs)}."
        )
    if not labelled.texts:
        raise EvaluationFileError(f"{path} has no labelled report.")
    return labelled


def _newest(labelled: _Labelled, per_class: int | None) -> _Labelled:
    """Return the last `per_class` reports of each category in their order, or all for None."""
    if per_class is None:
        return labelled
    kept = sorted(
        int(row)
        for label in np.unique(labelled.labels)
        for row in np.flatnonzero(labelled.labels == label)[::-1][:per_class]
    )
    return _Labelled([labelled.texts[row] for row in kept], labelled.labels[kept], Counter())


def _phrases(categories: Sequence[CategoryTexts]) -> Examples:
    labelled = [
        (phrase, i) for i, category in enumerate(categories) for phrase in phrases_of(category)
    ]
    texts = [phrase for phrase, _ in labelled]
    labels = np.array([i for _, i in labelled], dtype=np.intp)
    return Examples(texts, get_embedder().embed(texts), labels, np.ones(len(texts), dtype=np.bool_))


def _as_examples(texts: list[str], vectors: Vectors, labels: Labels) -> Examples:
    return Examples(texts, vectors, labels, np.zeros(len(texts), dtype=np.bool_))


def _with_reports(phrases: Examples, reports: Examples) -> Examples:
    return Examples(
        texts=[*phrases.texts, *reports.texts],
        vectors=np.vstack([phrases.vectors, reports.vectors]),
        labels=np.concatenate([phrases.labels, reports.labels]),
        is_phrase=np.concatenate([phrases.is_phrase, reports.is_phrase]),
    )
