"""How long the transactional actors of this process take, as it has seen them."""

from __future__ import annotations

#: How much the latest run counts.
_WEIGHT = 0.1

_means: dict[str, float] = {}


def note(actor_name: str, seconds: float) -> None:
    """A run of the actor took `seconds`."""
    mean = _means.get(actor_name, seconds)
    _means[actor_name] = mean + _WEIGHT * (seconds - mean)


def quicker_than(seconds: float) -> list[str]:
    """The actors that take less than `seconds` on average."""
    return [name for name, mean in list(_means.items()) if mean < seconds]
