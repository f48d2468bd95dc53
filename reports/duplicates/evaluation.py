"""How good the search for duplicates is on pairs of reports that people have judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.embedder import get_embedder
from reports.classification.classifier import text_of
from reports.duplicates import scoring
from reports.duplicates.scoring import Facts
from reports.errors import EvaluationFileError

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reports, whether they are one problem, and what kind of pair it is."""

    a: Facts
    b: Facts
    is_duplicate: bool
    kind: str
    texts: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Quality:
    """The precision and the recall of suggested pairs, and their harmonic mean (F1)."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class OfKind:
    """How many pairs of a kind there are, and how many of them were judged rightly."""

    pairs: int
    right: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Quality on a file of pairs, in all and by the kind of pair.

    `text` says whether texts were compared by their vectors or by their words.
    """

    precision: float
    recall: float
    f1: float
    by_kind: dict[str, OfKind]
    pairs: int
    text: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(pairs: Sequence[Pair]) -> Evaluation:
    """Judge each pair as the product does."""
    suggested = np.array([is_suggested(pair) for pair in pairs])
    truth = np.array([pair.is_duplicate for pair in pairs])
    return Evaluation(
        **asdict(quality_of(suggested, truth)),
        by_kind=_by_kind(pairs, suggested == truth),
        pairs=len(pairs),
        text="words" if pairs[0].a.vector is None else "vectors",
    )


def is_suggested(pair: Pair) -> bool:
    """Return whether the product would suggest this pair to staff."""
    return scoring.compare(pair.a, pair.b).probability >= scoring.SUGGESTED_FROM


def quality_of(suggested: Mask, truth: Mask) -> Quality:
    """Compare what was suggested with what people judged."""
    right = int((suggested & truth).sum())
    precision = right / max(1, int(suggested.sum()))
    recall = right / max(1, int(truth.sum()))
    return Quality(precision, recall, 2 * right / max(1, int(suggested.sum() + truth.sum())))


def _by_kind(pairs: Sequence[Pair], right: Mask) -> dict[str, OfKind]:
    kinds = sorted({pair.kind for pair in pairs})
    rows = {
        kind: [ok for pair, ok in zip(pairs, right, strict=True) if pair.kind == kind]
        for kind in kinds
    }
    return {kind: OfKind(len(row), int(sum(row))) for kind, row in rows.items()}


# --- The file ------------------------------------------------------------------------------------


def read(path: Path, *, by_words: bool) -> list[Pair]:
    """Return the pairs of a JSON Lines file, with the vectors of their texts unless `by_words`.

    A line has `a` and `b` (title, description, latitude, longitude, created_at), `label` (1: one
    problem) and, if there is one, `kind`. Raises EvaluationFileError.
    """
    try:
        lines = enumerate(path.read_text("utf-8").splitlines(), start=1)
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationFileError(f"{path} cannot be read: {error}") from error
    pairs = [_pair_in(line, f"{path}, line {number}") for number, line in lines if line.strip()]
    if not pairs:
        raise EvaluationFileError(f"{path} holds no pair.")
    return pairs if by_words else _with_vectors(pairs)


def _pair_in(line: str, where: str) -> Pair:
    """Return the pair of a line. Raises EvaluationFileError, which names the line."""
    try:
        return _pair(json.loads(line))
    except KeyError as error:
        reason = f"{error} is missing"
    except RecursionError:
        reason = "it is nested too deeply"
    except (TypeError, AttributeError):
        reason = "it is no object with `a`, `b` and `label`"
    except ValueError as error:
        reason = str(error)
    raise EvaluationFileError(f"{where} is no judged pair: {reason}.")


def _pair(row: dict[str, Any]) -> Pair:
    a, b = row["a"], row["b"]
    kind = str(row.get("kind", ""))
    return Pair(_facts(a), _facts(b), bool(int(row["label"])), kind, (_text(a), _text(b)))


def _facts(report: dict[str, Any]) -> Facts:
    return Facts.of(
        _text(report),
        latitude=float(report["latitude"]),
        longitude=float(report["longitude"]),
        created_at=datetime.fromisoformat(report["created_at"]),
    )


def _text(report: dict[str, Any]) -> str:
    return text_of(report.get("title") or "", report.get("description") or "")


def _with_vectors(pairs: Sequence[Pair]) -> list[Pair]:
    vectors = get_embedder().embed([text for pair in pairs for text in pair.texts])
    return [
        replace(
            pair,
            a=replace(pair.a, vector=vectors[2 * i]),
            b=replace(pair.b, vector=vectors[2 * i + 1]),
        )
        for i, pair in enumerate(pairs)
    ]
