"""The topic of a post: the one with the phrase that its sentence vector is nearest to.

Topics are wider than categories of reports: people also write about what is no problem to repair.
They are data, in `data/topics.json`: topic → example phrases.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import cast

import numpy as np

from embeddings.embedder import Vectors, get_embedder, space_of

OTHER = "other"
#: Nearness (cosine) below which a text is about none of the topics.
LEAST_SIMILARITY = 0.35


def topics() -> dict[str, list[str]]:
    """Return the example phrases of each topic."""
    text = files("reports.collection.analysis").joinpath("data", "topics.json").read_text("utf-8")
    return cast("dict[str, list[str]]", json.loads(text))


def topic_of(vector: Vectors) -> str:
    """Return the topic of a text by its sentence vector."""
    owners, rows = _phrases(space_of(get_embedder()))
    similarities = rows @ vector
    nearest = int(np.argmax(similarities))
    return owners[nearest] if similarities[nearest] >= LEAST_SIMILARITY else OTHER


@lru_cache(maxsize=2)
def _phrases(_space: str) -> tuple[list[str], Vectors]:
    """Return for each phrase of all topics its topic, and its vector as a row."""
    known = [(topic, phrase) for topic, phrases in topics().items() for phrase in phrases]
    return [topic for topic, _ in known], get_embedder().embed([phrase for _, phrase in known])
