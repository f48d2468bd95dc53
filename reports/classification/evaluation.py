"""Measure how good the classifier is on labelled reports."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.embedder import get_embedder, space_of
from reports.catalogue.documents import shipped_categories
from reports.classification.classifier import CategoryTexts, phrases_of, text_of
from reports.classification.text_model import Examples, Labels, Quality, TextModel, quality
from reports.errors import EvaluationFileError
from reports.models import Category


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

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Labelled:
    texts: list[str]
    labels: Labels
    unknown: int


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
    started = time.process_time()
    vectors = get_embedder().embed(labelled.texts)
    milliseconds = (time.process_time() - started) * 1000 / len(labelled.texts)
    phrases = _phrases(list(categories.values()))
    everything = _with_reports(
        phrases,
        Examples(
            labelled.texts[:cut],
            vectors[:cut],
            labelled.labels[:cut],
            np.zeros(cut, dtype=np.bool_),
        ),
    )

    def tested(examples: Examples) -> Quality:
        model = TextModel.fit(examples, len(categories))
        return quality(
            model.probabilities(labelled.texts[cut:], vectors[cut:]), labelled.labels[cut:]
        )

    return Evaluation(
        embedder=space_of(get_embedder()),
        categories=len(categories),
        phrases=len(phrases.texts),
        learned_reports=cut,
        unknown_labels=labelled.unknown,
        milliseconds_per_text=milliseconds,
        zero_shot=tested(phrases),
        learned=tested(everything),
    )


def _categories() -> dict[str, CategoryTexts]:
    active: dict[str, CategoryTexts] = {
        c.slug: c for c in Category.objects.filter(is_active=True).order_by("id")
    }
    return active or {category.slug: category for category in shipped_categories()}


def _read(path: Path, slugs: Sequence[str]) -> _Labelled:
    texts, labels, unknown = [], [], 0
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in csv.DictReader(file):
                if row["category"] not in slugs:
                    unknown += 1
                    continue
                texts.append(text_of(row.get("title") or "", row["description"] or ""))
                labels.append(slugs.index(row["category"]))
    except (OSError, csv.Error) as error:
        raise EvaluationFileError(f"{path} cannot be read: {error}") from error
    except KeyError as error:
        raise EvaluationFileError(f"{path} has no column {error}.") from error
    return _Labelled(texts, np.array(labels, dtype=np.intp), unknown)


def _phrases(categories: Sequence[CategoryTexts]) -> Examples:
    labelled = [
        (phrase, i) for i, category in enumerate(categories) for phrase in phrases_of(category)
    ]
    texts = [phrase for phrase, _ in labelled]
    labels = np.array([i for _, i in labelled], dtype=np.intp)
    return Examples(texts, get_embedder().embed(texts), labels, np.ones(len(texts), dtype=np.bool_))


def _with_reports(phrases: Examples, reports: Examples) -> Examples:
    return Examples(
        texts=[*phrases.texts, *reports.texts],
        vectors=np.vstack([phrases.vectors, reports.vectors]),
        labels=np.concatenate([phrases.labels, reports.labels]),
        is_phrase=np.concatenate([phrases.is_phrase, reports.is_phrase]),
    )
