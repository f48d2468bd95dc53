"""Tasks of every kind, and what was promised: `python -m tests.faults.load PENDING_LIMIT
TRUTH_FILE`.

It sends until it gets SIGTERM; after each commit it appends the tasks' ids to the truth file, one
line a transaction.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.settings")
django.setup()

from django.db import DatabaseError, InterfaceError, connection, transaction  # noqa: E402

from tests.faults import actors  # noqa: E402


class Sender:
    """Sends in transactions of its own, as requests do, and knows what was committed."""

    def __init__(self, *, pending_limit: int, truth: Path, seed: str) -> None:
        self._pending_limit = pending_limit
        self._truth = truth.open("a", buffering=1)
        self._dice = random.Random(seed)
        self._number = 0
        self._prefix = f"{os.getpid()}-{time.time_ns()}"
        self.is_stopping = False

    def run(self) -> None:
        """Send until told to stop; stand back while the ledger is full or away."""
        while not self.is_stopping:
            try:
                if self._number % 20 == 0 and self._pending() > self._pending_limit:
                    time.sleep(0.2)
                    continue
                self._send()
            except (DatabaseError, InterfaceError):
                # whether the transaction was committed is unknown: it counts as neither
                connection.close()
                time.sleep(0.3)
            time.sleep(0.005)

    def _pending(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM jobs_task WHERE state IN ('queued', 'running', 'retrying')"
            )
            return int(cursor.fetchone()[0])

    def _send(self) -> None:
        self._number += 1
        is_regretted = self._dice.random() < 0.05
        with transaction.atomic():
            ids = self._send_some(f"{self._prefix}-{self._number}")
            transaction.set_rollback(is_regretted)
        self._truth.write(json.dumps({"regretted" if is_regretted else "committed": ids}) + "\n")

    def _send_some(self, key: str) -> list[str]:
        kind = self._dice.choices(
            ["bulk", "parent", "message", "once", "long"], [30, 25, 25, 8, 4]
        )[0]
        if kind == "bulk":
            return [
                str(task)
                for task in actors.fault_effect.send_many([(f"{key}/{n}",) for n in range(400)])
            ]
        if kind == "parent":
            return [actors.fault_parent.send(key, 3).message_id]
        if kind == "long":
            return [actors.fault_long.send(key, 4).message_id]
        actor = actors.fault_message if kind == "message" else actors.fault_once
        return [actor.send(key).message_id]


def main() -> None:
    sender = Sender(
        pending_limit=int(sys.argv[1]),
        truth=Path(sys.argv[2]),
        seed=os.environ.get("JOBS_FAILPOINTS_SEED", ""),
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        sender.is_stopping = True

    signal.signal(signal.SIGTERM, stop)
    sender.run()


if __name__ == "__main__":
    main()
