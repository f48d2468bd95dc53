"""Embedding with Apache Spark: many texts at once, on all of its machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from embeddings.embedder import Embedder, Vectors, get_embedder, using

if TYPE_CHECKING:
    from pyspark import SparkContext

#: Fewer texts are embedded here: to hand them over would take longer.
TEXTS_WORTH_SHARING = 128


@contextmanager
def sharing() -> Iterator[None]:
    """Let `get_embedder()` in this block give an embedder that shares its texts with Spark.

    Its vectors are the same. Without USE_SPARK it changes nothing.
    """
    if not settings.USE_SPARK:
        yield
        return
    from spark.session import session  # noqa: PLC0415 - an extra

    with session() as spark, using(SparkEmbedder(get_embedder(), spark.sparkContext)):
        yield


class SparkEmbedder:
    """Embeds as another embedder does, in the processes of Spark."""

    def __init__(self, local: Embedder, context: SparkContext) -> None:
        self.local, self.context = local, context
        self.name, self.version = local.name, local.version
        self.dimensions, self.max_tokens = local.dimensions, local.max_tokens

    def embed(self, texts: list[str]) -> Vectors:
        """Return one row for each text, as `Embedder.embed`.

        Raises:
            EmbeddingsError: as the embedder that is shared, if it fails in this process too.
        """
        if len(texts) < TEXTS_WORTH_SHARING:
            return self.local.embed(texts)
        parts = self.context.parallelize(texts, settings.SPARK_PARTITIONS).glom()
        packed = parts.map(_embed).collect()
        rows = np.frombuffer(b"".join(packed), dtype="<f4")
        return rows.reshape(len(texts), self.dimensions).copy()


def _embed(texts: list[str]) -> bytes:
    """Embed a part of the texts in a process of Spark, which loads its embedder once."""
    import django  # noqa: PLC0415 - in another process, which has set up nothing

    django.setup()
    from embeddings.embedder import get_embedder as embedder_here  # noqa: PLC0415 - as above

    return embedder_here().embed(texts).astype("<f4").tobytes() if texts else b""
