"""Vectors that are computed once for all tests of a process."""

from __future__ import annotations

import numpy as np

from embeddings.embedder import Vectors
from embeddings.minilm import MiniLmEmbedder

_embed = MiniLmEmbedder.embed
_rows: dict[str, Vectors] = {}


def embed_once(embedder: MiniLmEmbedder, texts: list[str]) -> Vectors:
    """Return the vector of each text, which does not depend on the others."""
    new = [text for text in dict.fromkeys(texts) if text not in _rows]
    _rows.update(zip(new, _embed(embedder, new), strict=True))
    rows = np.array([_rows[text] for text in texts], dtype=np.float32)
    return rows.reshape(len(texts), embedder.dimensions)
