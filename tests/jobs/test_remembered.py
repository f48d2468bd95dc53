"""Values that a process reads once: anew after their time, and once for all threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from jobs import remembered
from jobs.remembered import Remembered


def test_a_value_is_read_anew_once_its_time_is_over_or_it_is_forgotten() -> None:
    numbers = count()
    kept, fleeting = (Remembered(lambda: next(numbers), seconds=one) for one in (600, 0))
    assert [kept.get(), kept.get()] == [0, 0]
    assert [fleeting.get(), fleeting.get()] == [1, 2]
    kept.forget()
    assert kept.get() == 3
    remembered.forget_all()
    assert kept.get() == 4


def test_threads_that_ask_meanwhile_wait_for_the_one_that_reads() -> None:
    asked, reads = threading.Barrier(8), []

    def read() -> int:
        reads.append(threading.get_ident())
        return len(reads)

    kept = Remembered(read, seconds=600)

    def ask(_number: int) -> int:
        asked.wait(10)
        return kept.get()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {1}


def test_a_value_that_could_not_be_read_is_asked_for_again() -> None:
    answers: list[int | Exception] = [ValueError("No database."), 7]

    def read() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Remembered(read, seconds=600)
    with pytest.raises(ValueError, match="No database"):
        kept.get()
    assert kept.get() == 7
