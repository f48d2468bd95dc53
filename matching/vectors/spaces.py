"""The vector space in which citizens are matched, and the change from one model to another."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from embeddings.embedder import Embedder, Vectors, space_of
from matching.errors import DimensionMismatch
from matching.models import VectorSpace

State = VectorSpace.State
#: The version of how texts become vectors and terms (`vectors.storing`, `text.terms`). It is raised
#: when that changes, so that vectors made in two ways are never compared.
TEXTS_VERSION = 2


def label_of(embedder: Embedder) -> str:
    """Return the label of the embedder's space: the model and the version of the texts."""
    return f"{space_of(embedder)}/{TEXTS_VERSION}"


def active_space() -> VectorSpace | None:
    """Return the space in which citizens are matched; None before the first text was embedded."""
    return VectorSpace.objects.filter(state=State.ACTIVE).first()


def is_outdated(embedder: Embedder) -> bool:
    """Return whether the active space is of this model, but of another version of the texts."""
    space = active_space()
    if space is None or space.label == label_of(embedder):
        return False
    return space_of(embedder) in {space.label, space.label.rpartition("/")[0]}


def space_for(embedder: Embedder) -> VectorSpace:
    """Return the space of `embedder`: the active one, or one that is built beside it.

    The first space of all is active at once.

    Raises:
        DimensionMismatch: the same model gave longer or shorter vectors before.
    """
    label = label_of(embedder)
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


def fill(space: VectorSpace, *, task_id: UUID) -> VectorSpace:
    """Note that this task fills the space, and return it; one that was stopped is filled again."""
    here = VectorSpace.objects.filter(pk=space.pk)
    here.update(task_id=task_id)
    here.filter(state=State.STOPPED).update(state=State.BUILDING)
    space.refresh_from_db()
    return space


def stop(task_id: UUID) -> None:
    """Show that the task fills its space no more; nothing if the space is active or another's."""
    VectorSpace.objects.filter(task_id=task_id, state=State.BUILDING).update(
        state=State.STOPPED, retired_at=Now()
    )


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
    """Make `space` the active one and retire the one before, in the caller's transaction."""
    VectorSpace.objects.filter(state=State.ACTIVE).exclude(pk=space.pk).update(
        state=State.RETIRED, retired_at=Now()
    )
    VectorSpace.objects.filter(pk=space.pk).update(
        state=State.ACTIVE, generation=F("generation") + 1
    )


def check_shape(vectors: Vectors, space: VectorSpace, *, rows: int) -> None:
    """Check that `vectors` has a row for each text, of the length of the space's vectors.

    Raises:
        DimensionMismatch: it has another shape.
    """
    if vectors.shape != (rows, space.dimensions):
        raise DimensionMismatch(
            f"The embedder gave vectors of shape {vectors.shape}; {space.label} takes "
            f"{(rows, space.dimensions)}."
        )
