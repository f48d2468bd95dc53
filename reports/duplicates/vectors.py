"""The sentence vectors of reports, kept from their classification: each text is embedded once."""

from __future__ import annotations

import base64

import numpy as np

from embeddings.embedder import Vectors
from reports.models import Report, ReportVector

VECTOR_TYPE = np.dtype("<f2")  # half the bytes; a cosine is off by less than 0.001


def packed(vector: Vectors) -> str:
    """Return the vector as text, for the result of a task."""
    return base64.b64encode(vector.astype(VECTOR_TYPE).tobytes()).decode("ascii")


def keep(report_id: str, vector: str, *, space: str) -> None:
    """Store the packed vector of a report; a later one replaces it."""
    row = ReportVector(report_id=report_id, space=space, vector=base64.b64decode(vector))
    ReportVector.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["report"],
        update_fields=["space", "vector"],
    )


def of_report(report: Report, *, space: str) -> Vectors | None:
    """Return the stored vector of a report if it is of this space."""
    stored: ReportVector | None = getattr(report, "text_vector", None)
    if not space or stored is None or stored.space != space:
        return None
    return np.frombuffer(stored.vector, dtype=VECTOR_TYPE).astype(np.float32)
