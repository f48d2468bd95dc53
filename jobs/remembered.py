"""Values of the database that a process reads once and uses for some seconds or minutes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_every: list[Remembered[Any]] = []


class Remembered(Generic[T]):
    """A value that `read` returns, read anew at the first use after some seconds.

    Threads that ask meanwhile wait for the one that reads.
    """

    def __init__(self, read: Callable[[], T], *, seconds: float) -> None:
        self._read, self._seconds = read, seconds
        self._lock = threading.Lock()
        self._until = -float("inf")
        _every.append(self)

    def get(self) -> T:
        with self._lock:
            if time.monotonic() >= self._until:
                self._value = self._read()
                self._until = time.monotonic() + self._seconds
            return self._value

    def forget(self) -> None:
        """Read the value anew at the next use."""
        with self._lock:
            self._until = -float("inf")


def forget_all() -> None:
    """Forget every value of this process, as after a change of the database under it."""
    for remembered in _every:
        remembered.forget()
