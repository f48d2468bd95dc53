"""The identity of this process in the ledger, which is new after every fork."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7


class _Identity:
    value: UUID = uuid7()


def process_id() -> UUID:
    """Return the id under which this process claims tasks and stores its heartbeat."""
    return _Identity.value


def resident_bytes() -> int:
    """Return the memory this process holds, or the most it ever held where there is no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGESIZE")


def _renew() -> None:
    _Identity.value = uuid7()


os.register_at_fork(after_in_child=_renew)
