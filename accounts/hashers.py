"""Hashing of staff's passwords, which must not slow down what others wait for."""

from __future__ import annotations

import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.hashers import PBKDF2PasswordHasher

NICENESS = 10


class BackgroundPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's default hasher, in one thread of low priority.

    A hash takes half a second of a processor. In this thread it takes what requests leave over, and
    no two of a process are computed at once. The hashes are the same.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        encode = super().encode
        return _thread().submit(encode, password, salt, iterations).result()


@functools.cache
def _thread() -> ThreadPoolExecutor:
    """Return the thread of this process; it starts on first use, so after any fork."""
    return ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=_lower_priority)


def _lower_priority() -> None:
    # Linux schedules threads one by one; elsewhere this would lower the whole process.
    if hasattr(os, "sched_setaffinity"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
