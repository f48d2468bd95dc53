"""Remember how long the transactional actors of this process take.

On a busy machine a run takes longer than the actor needs, so quick runs count more than slow ones:
an actor is not taken for slow just when work piles up.
"""

from __future__ import annotations

#: The weight of the latest run in the average where it was quicker, and where it was slower.
_WEIGHT_QUICKER, _WEIGHT_SLOWER = 0.3, 0.03

_seconds: dict[str, float] = {}


def note(actor_name: str, seconds: float) -> None:
    """Record that a run of the actor took `seconds`."""
    before = _seconds.get(actor_name, seconds)
    weight = _WEIGHT_QUICKER if seconds < before else _WEIGHT_SLOWER
    _seconds[actor_name] = before + weight * (seconds - before)


def of(actor_name: str) -> float:
    """Return how many seconds the actor usually takes; 0 for one that has not run here."""
    return _seconds.get(actor_name, 0.0)


def quicker_than(seconds: float) -> list[str]:
    """Return the names of the actors that usually take less than `seconds`."""
    return [name for name, taken in list(_seconds.items()) if taken < seconds]
