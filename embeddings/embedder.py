"""Conversion of texts into vectors, for every app.

`get_embedder()` returns the one embedder of this process, named by the setting `EMBEDDER`. It is
loaded on first use and kept; a web process never loads it (`EmbedderInWebProcess`). Every embedder
returns finite rows of unit length; the row of an empty text is all zero.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import numpy as np
import structlog
from django.conf import settings
from django.utils.module_loading import import_string
from numpy.typing import NDArray

from embeddings.errors import EmbedderInWebProcess, EmbedderMisconfigured

Vectors = NDArray[np.float32]

log = structlog.get_logger(__name__)

#: The package of embedders up to version 0.1; paths within it are accepted until 0.3.
OLD_PACKAGE = "matching.embedders."
BATCH_TEXTS = 16
BATCH_CHARACTERS = 4096  # with padding; attention over 16 long texts at once would take a gigabyte
LIKE_LENGTH, SHORT_CHARACTERS = 1.5, 24  # each text of a batch costs as much as the longest
CHARACTERS_PER_TOKEN = 16  # generous: the tail of a longer text is cut before it is tokenised


class Embedder(Protocol):
    """An embedding model. `name` and `version` identify its vector space; only vectors of one space
    are compared.
    """

    name: str
    version: str
    dimensions: int
    max_tokens: int

    def embed(self, texts: list[str]) -> Vectors:
        """Return one row for each text: float32[len(texts), dimensions], unit length or all
        zero.
        """


class BatchedEmbedder(ABC):
    """The base of all embedders: cleans texts, groups them by length, and scales the rows."""

    name: str
    version: str
    dimensions: int
    max_tokens: int
    batch_texts: int = BATCH_TEXTS
    batch_characters: int = BATCH_CHARACTERS

    def embed(self, texts: list[str]) -> Vectors:
        """Return one row for each text, as `Embedder.embed`; batching does not change a text's
        row.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        cleaned = [clean_text(text, self.max_tokens * CHARACTERS_PER_TOKEN) for text in texts]
        for batch in _batches(
            [len(text) for text in cleaned], self.batch_texts, self.batch_characters
        ):
            vectors[batch] = unit_rows(self._encode([cleaned[i] for i in batch]))
        return vectors

    @abstractmethod
    def _encode(self, texts: list[str]) -> Vectors:
        """Return raw vectors, float32[len(texts), dimensions], of texts that are not empty."""


def _batches(lengths: list[int], most_texts: int, most_characters: int) -> Iterator[list[int]]:
    """Yield batches of indexes of the texts that are not empty, similar lengths together."""
    batch: list[int] = []
    for i in sorted((i for i, length in enumerate(lengths) if length), key=lambda i: lengths[i]):
        is_full = len(batch) == most_texts or lengths[i] * (len(batch) + 1) > most_characters
        if batch and (is_full or lengths[i] > LIKE_LENGTH * lengths[batch[0]] + SHORT_CHARACTERS):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def space_of(embedder: Embedder) -> str:
    """Return the label stored beside each vector, such as `all-MiniLM-L6-v2-int8@8199be6f`."""
    return f"{embedder.name}@{embedder.version}"


def clean_text(text: str, limit: int) -> str:
    """Return at most `limit` characters, with single spaces, without NUL and lone surrogates."""
    head = text[: limit * 4].replace("\x00", " ").encode("utf-8", "ignore").decode("utf-8")
    return " ".join(head.split())[:limit].rstrip()


def unit_rows(vectors: Vectors) -> Vectors:
    """Return the rows scaled to unit length; a row that is zero or not finite becomes zero."""
    finite = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0.0)
    lengths = np.linalg.norm(finite, axis=1, keepdims=True)
    scaled: Vectors = (finite / np.where(lengths > 1e-12, lengths, np.inf)).astype(np.float32)
    return scaled


_chosen: ContextVar[Embedder | None] = ContextVar("civiclens_embedder", default=None)


@contextmanager
def using(embedder: Embedder) -> Iterator[None]:
    """Let `get_embedder()` give this embedder inside the block, in this thread."""
    mark = _chosen.set(embedder)
    try:
        yield
    finally:
        _chosen.reset(mark)


_lock = threading.Lock()
_loaded: dict[str, Embedder] = {}


def get_embedder() -> Embedder:
    """Return the embedder of this process; the first call loads it, in any thread.

    Raises:
        EmbedderInWebProcess: `CIVICLENS_PROCESS` is `web`.
        EmbedderMisconfigured: it cannot be loaded.
    """
    if os.environ.get("CIVICLENS_PROCESS") == "web":
        raise EmbedderInWebProcess
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    path: str = settings.EMBEDDER
    if path not in _loaded:
        with _lock:
            if path not in _loaded:
                _loaded[path] = _load(path)
    return _loaded[path]


def _load(path: str) -> Embedder:
    if path.startswith(OLD_PACKAGE):
        moved = path.replace(OLD_PACKAGE, "embeddings.", 1)
        log.warning("embeddings.old_path", embedder=path, use=moved)
        path = moved
    try:
        embedder: Embedder = import_string(path)()
    except ImportError as error:
        raise EmbedderMisconfigured(f"EMBEDDER={path} cannot be imported: {error}") from error
    return embedder
