"""Which vector space citizens are matched in, and the swap from one embedding model to another."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from embeddings.embedder import Embedder, Vectors, space_of
from matching.errors import DimensionMismatch
from matching.models import VectorSpace

State = VectorSpace.State


def active_space() -> VectorSpace | None:
    """The space matches are found in; None before the first text was embedded."""
    return VectorSpace.objects.filter(state=State.ACTIVE).first()


def space_for(embedder: Embedder) -> VectorSpace:
    """The space `embedder` fills: the active one, or one that is being built beside it.

    The first space of all is active at once. Raises DimensionMismatch where the same model gave
    longer or shorter vectors before.
    """
    label = space_of(embedder)
    space = VectorSpace.objects.filter(label=label).first() or _new_space(
        label, embedder.dimensions
    )
    if space.dimensions != embedder.dimensions:
        raise DimensionMismatch(
            f"{label} has {space.dimensions} dimensions, not {embedder.dimensions}."
        )
    if space.state == State.RETIRED:
        VectorSpace.objects.filter(pk=space.pk, state=State.RETIRED).update(state=State.BUILDING)
        space.refresh_from_db()
    return space


def _new_space(label: str, dimensions: int) -> VectorSpace:
    with transaction.atomic():
        VectorSpace.objects.bulk_create(
            [VectorSpace(label=label, dimensions=dimensions)],
            ignore_conflicts=True,
        )
        space = VectorSpace.objects.select_for_update().get(label=label)
        if space.state == State.BUILDING and not VectorSpace.objects.exclude(pk=space.pk).exists():
            space.state = State.ACTIVE
            space.save(update_fields=["state"])
    return space


def activate(space: VectorSpace) -> None:
    """From now on citizens are matched in `space`; the one before is retired.

    In the caller's transaction.
    """
    VectorSpace.objects.filter(state=State.ACTIVE).exclude(pk=space.pk).update(
        state=State.RETIRED, retired_at=timezone.now()
    )
    VectorSpace.objects.filter(pk=space.pk).update(
        state=State.ACTIVE, generation=F("generation") + 1
    )


def check_shape(vectors: Vectors, space: VectorSpace, *, rows: int) -> None:
    """Raises DimensionMismatch unless `vectors` has one row a text, as long as the space's are."""
    if vectors.shape != (rows, space.dimensions):
        raise DimensionMismatch(
            f"The embedder gave vectors of shape {vectors.shape}; {space.label} takes {(rows, space.dimensions)}."
        )
