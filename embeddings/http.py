"""The embedder that calls a server with OpenAI's embeddings interface.

Such are OpenAI, Azure, Ollama, vLLM and text-embeddings-inference.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

import numpy as np
from django.conf import settings

from embeddings.embedder import BatchedEmbedder, Vectors
from embeddings.errors import (
    EmbedderMisconfigured,
    EmbeddingFailed,
    EmbeddingRefused,
    EmbeddingUnavailable,
    TextRefused,
)
from jobs.http.clients import NoRedirects

RETRIABLE_STATUSES = {408, 409, 425, 429}
#: Statuses that one of the texts may have caused; others are about the key, the address or the
#: model.
TEXT_STATUSES = {400, 413, 422}
ANSWER_BYTES = 64 * 1024 * 1024


class HttpEmbedder(BatchedEmbedder):
    """Embed texts by POST of {model, input} to EMBEDDER_URL (`…/v1/embeddings`).

    Its `embed` raises `EmbeddingUnavailable` where the same call may succeed later, and
    `EmbeddingRefused` where it will not; where one of the texts may be the cause, it raises their
    subclasses `EmbeddingFailed` and `TextRefused`.
    """

    version = "http"
    max_tokens = 512
    batch_texts = 64
    batch_characters = 64 * 2048

    def __init__(self) -> None:
        if (
            not settings.EMBEDDER_URL.startswith(("https://", "http://"))
            or not settings.EMBEDDER_MODEL
        ):
            raise EmbedderMisconfigured(
                "EMBEDDER_URL (http or https) and EMBEDDER_MODEL must be set."
            )
        self.name = settings.EMBEDDER_MODEL
        self.dimensions = settings.EMBEDDER_DIMENSIONS
        self._opener = build_opener(NoRedirects)

    def _encode(self, texts: list[str]) -> Vectors:
        answer = self._ask({"model": self.name, "input": texts, "encoding_format": "float"})
        try:
            rows = sorted(json.loads(answer)["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingFailed(
                "The embedding service answered something else than embeddings."
            ) from error
        if vectors.shape != (len(texts), self.dimensions):
            raise EmbeddingRefused(
                f"The embedding service answered vectors of shape {vectors.shape} for {len(texts)} "
                "texts; "
                f"EMBEDDER_DIMENSIONS is {self.dimensions}."
            )
        return vectors

    def _ask(self, question: dict[str, Any]) -> bytes:
        headers = {"Content-Type": "application/json"}
        if settings.EMBEDDER_API_KEY:
            headers["Authorization"] = f"Bearer {settings.EMBEDDER_API_KEY}"
        request = Request(settings.EMBEDDER_URL, json.dumps(question).encode(), headers)  # noqa: S310 - see __init__
        try:
            with self._opener.open(request, timeout=settings.EMBEDDER_TIMEOUT_SECONDS) as answer:
                return bytes(answer.read(ANSWER_BYTES))
        except HTTPError as error:
            error.close()
            if error.code >= 500:
                raise EmbeddingFailed(f"The embedding service answered {error.code}.") from error
            if error.code in RETRIABLE_STATUSES:
                raise EmbeddingUnavailable(
                    f"The embedding service answered {error.code}."
                ) from error
            refused = TextRefused if error.code in TEXT_STATUSES else EmbeddingRefused
            raise refused(f"The embedding service answered {error.code}.") from error
        except (URLError, HTTPException, OSError) as error:
            raise EmbeddingUnavailable(
                f"The embedding service cannot be reached: {error}"
            ) from error
