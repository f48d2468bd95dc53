"""The topic of a post: the one with the phrase that its sentence vector is nearest to.

Topics are wider than categories of reports: people also write about what is no problem to repair.
Staff choose them (`TopicList`); `data/topics.json` has those of a new installation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import cast

import numpy as np

from embeddings.embedder import Vectors, get_embedder, space_of
from jobs.ledger.database import lock
from reports.models import TopicList

OTHER = "other"
#: Nearness (cosine) below which a text is about none of the topics.
LEAST_SIMILARITY = 0.35
#: The number of the list that is part of the product.
PACKAGED = 0


def packaged() -> dict[str, list[str]]:
    """Return the topics of a new installation with their phrases."""
    text = files("reports.collection.analysis").joinpath("data", "topics.json").read_text("utf-8")
    return cast("dict[str, list[str]]", json.loads(text))


def phrases_of(number: int) -> dict[str, list[str]]:
    """Return the topics of a list with their phrases."""
    if number == PACKAGED:
        return packaged()
    listed = TopicList.objects.get(pk=number).topics
    return {topic["topic"]: topic["phrases"] for topic in listed}


def in_use() -> int:
    """Return the number of the list that is in use."""
    number = TopicList.objects.filter(is_in_use=True).values_list("pk", flat=True).first()
    return PACKAGED if number is None else number


def lock_list(*, is_shared: bool) -> None:
    """Keep the list in use until this transaction ends; alone, it may be replaced."""
    lock("topics of posts", is_shared=is_shared)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one list: for each phrase its topic, and its vector as a row."""

    number: int
    owners: list[str]
    rows: Vectors

    @classmethod
    def of(cls, number: int) -> Topics:
        """Return the topics of a list; a list never changes, so they are kept."""
        return _load(number, space_of(get_embedder()))

    def nearest(self, vectors: Vectors | Sequence[Vectors]) -> list[str]:
        """Return the topic of each text by its sentence vector, a row each."""
        if not len(vectors):
            return []
        similarities = np.asarray(vectors) @ self.rows.T
        best = similarities.argmax(axis=1)
        is_near = similarities[np.arange(len(best)), best] >= LEAST_SIMILARITY
        return [
            self.owners[one] if near else OTHER for one, near in zip(best, is_near, strict=True)
        ]


@lru_cache(maxsize=4)
def _load(number: int, _space: str) -> Topics:
    known = [(topic, text) for topic, phrases in phrases_of(number).items() for text in phrases]
    rows = get_embedder().embed([text for _, text in known])
    return Topics(number, [topic for topic, _ in known], rows)
