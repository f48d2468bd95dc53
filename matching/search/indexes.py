"""The names of a vector space's indexes, for searches; `matching.vectors.indexing` builds them."""

from __future__ import annotations

from jobs.ledger.database import fetch
from matching.models import VectorSpace

#: True of every stored vector `v`, and implies the predicate of each approximate index (see
#: `matching.vectors.indexing`).
IS_OF_ANY_BUILD = "v.id > 0"


def opportunity_index(space: VectorSpace) -> str:
    """Return the name of the index over the opportunities of a space."""
    return f"matching_opp_vector_ann_{space.pk}"


def citizen_index(space: VectorSpace) -> str:
    """Return the name of the index over the profiles of a space."""
    return f"matching_profile_vector_ann_{space.pk}"


def is_valid(name: str) -> bool:
    """Return whether there is an index of that name which PostgreSQL may use."""
    sql = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid)"
    [(is_usable,)] = fetch(sql, (name,))
    return bool(is_usable)
