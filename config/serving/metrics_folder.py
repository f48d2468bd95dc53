"""The folder in memory in which the web processes of one server count their requests."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "civiclens-metrics-"


@contextmanager
def shared() -> Iterator[Path]:
    """Make a folder, which is removed at the end, as are those of servers that were killed.

    A server holds a lock on its folder; the kernel releases it when the process dies.
    """
    parent = _memory_folder()
    remove_leftovers(parent)
    # It gets the name that others look for once it is locked, so that none takes it for left over.
    unlocked = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=parent))
    lock = os.open(unlocked, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    folder = unlocked.rename(parent / unlocked.name.removeprefix("."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_leftovers(parent: Path) -> None:
    """Remove the folders that no living server holds."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _memory_folder() -> Path:
    """Return a folder in memory, where the system has one."""
    memory = Path("/dev/shm")  # noqa: S108 - the folders in it are private
    return memory if memory.is_dir() else Path(tempfile.gettempdir())
