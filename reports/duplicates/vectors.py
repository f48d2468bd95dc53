"""The sentence vectors of reports, kept from their classification: each text is embedded once."""

from __future__ import annotations

import base64

import numpy as np

from embeddings.embedder import Vectors
from jobs.ledger import together
from jobs.ledger.together import Part

VECTOR_TYPE = np.dtype("<f2")  # half the bytes; a cosine is off by less than 0.001


def packed(vector: Vectors) -> str:
    """Return the vector as text, for the result of a task."""
    return base64.b64encode(vector.astype(VECTOR_TYPE).tobytes()).decode("ascii")


def keep(report_id: str, vector: bytes, *, space: str) -> None:
    """Store the vector of a report, with the parts of a `together` block; it replaces another."""
    together.send(Part(_KEEP, (report_id, space, vector)))


_KEEP = """
    INSERT INTO reports_reportvector (report_id, space, vector) VALUES (%s, %s, %s)
    ON CONFLICT (report_id) DO UPDATE SET space = excluded.space, vector = excluded.vector
"""


def unpacked(vector: bytes) -> Vectors:
    """Return a vector from its stored form."""
    return np.frombuffer(vector, dtype=VECTOR_TYPE).astype(np.float32)
