"""Doing the same thing many times at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def race(action: Callable[[], T], *, times: int, threads: int | None = None) -> list[T | Exception]:
    """What `times` calls answered, errors included; at least `threads` of them start at the same
    moment.
    """
    threads = threads or times
    gate = Barrier(threads)

    def runner(share: int) -> list[T | Exception]:
        connection.ensure_connection()
        gate.wait(timeout=30)
        try:
            return [_outcome(action) for _ in range(share)]
        finally:
            connection.close()

    shares = [times // threads + (index < times % threads) for index in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        return [outcome for outcomes in pool.map(runner, shares) for outcome in outcomes]


def _outcome(action: Callable[[], T]) -> T | Exception:
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error
