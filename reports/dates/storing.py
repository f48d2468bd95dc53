"""A learned model as bytes, for its row in PostgreSQL."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.dates.cases import Names
from reports.dates.model import Model
from reports.dates.moments import Moments
from reports.dates.neighbourhoods import EDGES_KM, Neighbourhoods, Squares
from reports.dates.queues import Queues

Arrays = dict[str, NDArray[Any]]

#: Raise it with every change of what a model holds or means: an older one is then learned anew.
FORMAT = 2


def pack(model: Model) -> bytes:
    """Return the model as a compressed file of arrays."""
    facts = {
        "format": FORMAT,
        "names": model.names.values,
        "base": model.base,
        "reach": model.reach,
        "horizon": model.horizon,
        "shock_variance": model.shock_variance,
    }
    arrays: Arrays = {
        "facts": np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8),
        "clock": model.moments.clock,
        "elapsed": model.moments.elapsed,
        "usual": model.queues.usual,
        "counts": model.counts,
        **{f"effect {name}": effect for name, effect in model.effects.items()},
        **_of_neighbourhoods("own", model.own),
        **_of_neighbourhoods("other", model.other),
    }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def unpack(content: bytes) -> Model | None:
    """Return the model that `pack` made into bytes; None if that was another version of this code.

    Several versions run while an installation is upgraded.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays: Arrays = dict(file)
    facts = json.loads(arrays["facts"].tobytes())
    if facts.get("format") != FORMAT:
        return None
    return Model(
        names=Names(facts["names"]),
        base=facts["base"],
        reach=facts["reach"],
        horizon=facts["horizon"],
        shock_variance=facts["shock_variance"],
        effects={
            name.removeprefix("effect "): array
            for name, array in arrays.items()
            if name.startswith("effect ")
        },
        own=_neighbourhoods("own", arrays),
        other=_neighbourhoods("other", arrays),
        moments=Moments(clock=arrays["clock"], elapsed=arrays["elapsed"]),
        queues=Queues(usual=arrays["usual"]),
        counts=arrays["counts"],
    )


def _of_neighbourhoods(name: str, neighbourhoods: Neighbourhoods) -> Arrays:
    arrays: Arrays = {
        f"{name} city": neighbourhoods.city,
        f"{name} narrowing": np.array(neighbourhoods.narrowing),
    }
    for edge, level in zip(EDGES_KM, neighbourhoods.levels, strict=True):
        arrays |= {f"{name} {edge} keys": level.keys, f"{name} {edge} counts": level.counts}
    return arrays


def _neighbourhoods(name: str, arrays: Arrays) -> Neighbourhoods:
    levels = tuple(
        Squares(keys=arrays[f"{name} {edge} keys"], counts=arrays[f"{name} {edge} counts"])
        for edge in EDGES_KM
    )
    return Neighbourhoods(
        city=arrays[f"{name} city"], levels=levels, narrowing=float(arrays[f"{name} narrowing"])
    )
