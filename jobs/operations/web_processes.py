"""The memory of web processes, which each of them reports, so that workers can raise an alert."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

from django.db import connection

from jobs.ledger.database import execute, fetch
from jobs.loops import Loop
from jobs.process import process_id, resident_bytes

REPORT_SECONDS = 15.0
#: A process that has not reported for so long has ended.
SILENT_AFTER = timedelta(minutes=1)


def begin_reporting() -> None:
    """Report the memory of this process from now on, in a thread of its own."""
    Loop("web-memory", REPORT_SECONDS, _report_and_close).start()


def report() -> None:
    """Store how much memory this process holds, and delete the rows of those that have ended."""
    execute(
        """
        INSERT INTO jobs_webprocess (id, hostname, pid, memory_bytes, reported_at)
        VALUES (%s, %s, %s, %s, statement_timestamp())
        ON CONFLICT (id) DO UPDATE SET memory_bytes = excluded.memory_bytes,
            reported_at = excluded.reported_at
        """,
        (process_id(), socket.gethostname(), os.getpid(), resident_bytes()),
    )
    execute(
        "DELETE FROM jobs_webprocess WHERE reported_at < statement_timestamp() - %s",
        (SILENT_AFTER,),
    )


def _report_and_close() -> None:
    report()
    connection.close()  # between two reports it is of use to requests


def alive() -> list[tuple[str, int, int]]:
    """Return hostname, pid and memory in bytes of each web process."""
    rows = fetch(
        "SELECT hostname, pid, memory_bytes FROM jobs_webprocess"
        " WHERE reported_at >= statement_timestamp() - %s ORDER BY hostname, pid",
        (SILENT_AFTER,),
    )
    return [(str(hostname), int(pid), int(size)) for hostname, pid, size in rows]


def largest_memory() -> float:
    """Return the memory in bytes of the web process that holds most; 0 without any."""
    return float(max((size for _, _, size in alive()), default=0))
