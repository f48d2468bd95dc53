"""No system at all: the effect itself, committed by the sender.

What the others are held against.
"""

from __future__ import annotations

import time

from benchmarks.effects import insert_effect


def send(number: int) -> float:
    """Insert the effect in a transaction of its own; return when it committed."""
    insert_effect(number)
    return time.time()
