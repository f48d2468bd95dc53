"""The control run: stock Dramatiq under SIGKILL and a broker that is killed and wiped.

It loses and doubles.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress

import psycopg

from tests.faults.system import BASE_DIR, Crew, Servers, children

Connection = psycopg.Connection[tuple[object, ...]]
DATABASE = "faults_control"
WORKERS = ("stock-1", "stock-2")
BOOT_SECONDS = 30
#: How much longer the control may take where its kills hit nothing.
PATIENCE = 5
DRAIN_SECONDS = 20


def run_control(servers: Servers, *, seconds: float) -> dict[str, int]:
    """Send, break, heal, drain; return how many faults and tasks there were, and how many were lost
    or doubled.
    """
    conninfo = servers.conninfo(DATABASE)
    with psycopg.connect(servers.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE stock_effect (number int); CREATE TABLE stock_sent (number int)"
        )
        crew = Crew(servers.folder)
        try:
            faults = _break(servers, crew, connection, conninfo, seconds)
            _drain(connection, crew)
        finally:
            crew.kill_all()
            servers.wait_until_whole()
        return {"faults": faults} | _count(connection)


def _break(
    servers: Servers, crew: Crew, connection: Connection, conninfo: str, seconds: float
) -> int:
    """Kill workers that run tasks, and every fourth time the broker, until something was done
    twice.
    """
    environment = {
        **os.environ,
        "RABBITMQ_URL": servers.rabbitmq.url,
        "STOCK_CONNINFO": conninfo,
        "PYTHONPATH": str(BASE_DIR),
    }
    command = ["-m", "dramatiq", "tests.faults.stock:broker", "--processes", "1", "--threads", "4"]
    for name in WORKERS:
        crew.add(name, command, lambda: environment)
    send = ["-m", "tests.faults.stock_load"]
    crew.add("stock-sender", send, lambda: environment)
    dice, faults, began = random.Random(0), 0, time.monotonic()
    while (passed := time.monotonic() - began) < seconds or (
        passed < PATIENCE * seconds and not _count(connection)["doubled"]
    ):
        _wait_for_work(connection, crew)
        faults += 1
        if faults % 4 == 0:
            servers.kill_rabbitmq(wipe=True)
            servers.wait_until_whole()
        else:
            for victim in children(crew.pid(dice.choice(WORKERS)) or 0):
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
    crew.stop("stock-sender")
    return faults


def _wait_for_work(connection: Connection, crew: Crew) -> None:
    """Wait until tasks are being run."""
    before, deadline = _count(connection)["tasks"], time.monotonic() + BOOT_SECONDS
    effects = _effects(connection)
    while time.monotonic() < deadline and (
        _effects(connection) < effects + 20 or _count(connection)["tasks"] == before
    ):
        crew.tick()
        time.sleep(0.1)


def _drain(connection: Connection, crew: Crew) -> None:
    """Wait until nothing has happened for a while."""
    last, unchanged_since = -1, time.monotonic()
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() - unchanged_since < 4 and time.monotonic() < deadline:
        crew.tick()
        time.sleep(0.2)
        if (now := _effects(connection)) != last:
            last, unchanged_since = now, time.monotonic()


def _effects(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM stock_effect").fetchone()
    return int(str(row[0])) if row else 0


def _count(connection: Connection) -> dict[str, int]:
    row = connection.execute("""
        SELECT count(*), count(*) FILTER (WHERE done = 0), count(*) FILTER (WHERE done > 1) FROM (
            SELECT s.number, count(e.number) AS done FROM stock_sent s LEFT JOIN stock_effect e
                USING (number)
            GROUP BY s.number) AS sent
    """).fetchone()
    assert row is not None
    return dict(zip(("tasks", "lost", "doubled"), (int(str(value)) for value in row), strict=True))
