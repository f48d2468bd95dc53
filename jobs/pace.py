"""How long the transactional actors of this process take, as it has seen them."""

from __future__ import annotations

#: How much the latest run counts.
_WEIGHT = 0.1

_means: dict[str, float] = {}


def note(actor_name: str, seconds: float) -> None:
    """A run of the actor took `seconds`."""
    before = _means.get(actor_name, seconds)
    _means[actor_name] = before + _WEIGHT * (seconds - before)


def mean(actor_name: str) -> float:
    """How many seconds the actor takes on average; 0 where nobody has seen it run."""
    return _means.get(actor_name, 0.0)


def quicker_than(seconds: float) -> list[str]:
    """The actors that take less than `seconds` on average."""
    return [name for name, taken in list(_means.items()) if taken < seconds]
