"""The sentence vectors of reports, kept from their classification: each text is embedded once."""

from __future__ import annotations

import base64

import numpy as np

from embeddings.embedder import Vectors
from reports.models import ReportVector

VECTOR_TYPE = np.dtype("<f2")  # half the bytes; a cosine is off by less than 0.001


def packed(vector: Vectors) -> str:
    """Return the vector as text, for the result of a task."""
    return base64.b64encode(vector.astype(VECTOR_TYPE).tobytes()).decode("ascii")


def keep(report_id: str, vector: bytes, *, space: str) -> None:
    """Store the vector of a report; a later one replaces it."""
    row = ReportVector(report_id=report_id, space=space, vector=vector)
    ReportVector.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["report"],
        update_fields=["space", "vector"],
    )


def unpacked(vector: bytes) -> Vectors:
    """Return a vector from its stored form."""
    return np.frombuffer(vector, dtype=VECTOR_TYPE).astype(np.float32)
