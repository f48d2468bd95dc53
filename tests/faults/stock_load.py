"""Sends to stock Dramatiq as a request does: commit first, then `send()`.

`python -m tests.faults.stock_load`.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import psycopg

from tests.faults.stock import stock_effect

PAUSE_SECONDS = 0.004


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    number = time.time_ns() % 1_000_000 * 1000
    with psycopg.connect(os.environ["STOCK_CONNINFO"], autocommit=True) as connection:
        while True:
            number += 1
            connection.execute("INSERT INTO stock_sent (number) VALUES (%s)", (number,))
            try:
                stock_effect.send(number)
            except Exception as error:  # noqa: BLE001 - the request has committed; all it can do is to log
                print(f"{number} was not sent: {type(error).__name__}", flush=True)
                time.sleep(0.2)
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
