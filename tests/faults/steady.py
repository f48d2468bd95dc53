"""A light, even load: `python -m tests.faults.steady TRUTH_FILE`.

It sends one short task in each transaction, RATE times a second, and now and then a burst, until it
gets SIGTERM. After each commit it appends the tasks' ids to the truth file, one line a transaction.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.settings")
django.setup()

from django.db import transaction  # noqa: E402

from tests.faults.actors import fault_effect  # noqa: E402

RATE = 20
#: Every so many transactions, so many tasks in one: more than workers hold, so that some wait in
#: RabbitMQ.
BURST_EVERY, BURST_TASKS = 20, 30


def main() -> None:
    is_stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_stopping
        is_stopping = True

    signal.signal(signal.SIGTERM, stop)
    number, began = 0, time.monotonic()
    with Path(sys.argv[1]).open("a", buffering=1) as truth:
        while not is_stopping:
            number += 1
            truth.write(json.dumps({"committed": _send(number)}) + "\n")
            time.sleep(max(began + number / RATE - time.monotonic(), 0))


def _send(number: int) -> list[str]:
    count = BURST_TASKS if number % BURST_EVERY == 0 else 1
    with transaction.atomic():
        return [
            fault_effect.send(f"steady {os.getpid()} {number}/{part}").message_id
            for part in range(count)
        ]


if __name__ == "__main__":
    main()
