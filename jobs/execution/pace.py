"""How long the transactional actors of this process take, as it has seen them.

What a run takes on a busy machine says more of the machine than of the actor, so quick runs count
for more than slow ones: an actor is not taken for slow at the moment in which work piles up.
"""

from __future__ import annotations

#: How much the latest run counts where it was quicker than thought, and where it was slower.
_WEIGHT_QUICKER, _WEIGHT_SLOWER = 0.3, 0.03

_seconds: dict[str, float] = {}


def note(actor_name: str, seconds: float) -> None:
    """A run of the actor took `seconds`."""
    before = _seconds.get(actor_name, seconds)
    weight = _WEIGHT_QUICKER if seconds < before else _WEIGHT_SLOWER
    _seconds[actor_name] = before + weight * (seconds - before)


def of(actor_name: str) -> float:
    """How many seconds the actor takes; 0 where nobody has seen it run."""
    return _seconds.get(actor_name, 0.0)


def quicker_than(seconds: float) -> list[str]:
    """The actors that take less than `seconds`."""
    return [name for name, taken in list(_seconds.items()) if taken < seconds]
