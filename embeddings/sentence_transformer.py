"""The embedder for any model of the sentence-transformers library, named by EMBEDDER_MODEL.

It needs that library, and so PyTorch.
"""

from __future__ import annotations

import numpy as np
import torch
from django.conf import settings
from sentence_transformers import SentenceTransformer

from embeddings.embedder import BatchedEmbedder, Vectors
from embeddings.errors import EmbedderMisconfigured


class SentenceTransformerEmbedder(BatchedEmbedder):
    """Embeds texts with a model whose dimensions and length limit are its own."""

    version = "sentence-transformers"

    def __init__(self) -> None:
        if not settings.EMBEDDER_MODEL:
            raise EmbedderMisconfigured(
                "EMBEDDER_MODEL must name the sentence-transformers model or its folder."
            )
        torch.set_num_threads(settings.EMBEDDER_THREADS)
        self.name = settings.EMBEDDER_MODEL
        self._model = SentenceTransformer(settings.EMBEDDER_MODEL, device="cpu")
        self.dimensions = int(self._model.get_sentence_embedding_dimension())
        self.max_tokens = int(self._model.max_seq_length or 256)

    def _encode(self, texts: list[str]) -> Vectors:
        return np.asarray(self._model.encode(texts, show_progress_bar=False), dtype=np.float32)
