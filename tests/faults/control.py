"""The control run: stock Dramatiq under SIGKILL and a broker that is killed and wiped. It loses and doubles."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress

import psycopg

from tests.faults.system import BASE_DIR, Crew, Servers, children

DATABASE = "faults_control"
FAULT_PAUSE_SECONDS = 2.5
DRAIN_SECONDS = 20


def run_control(servers: Servers, *, seconds: float) -> dict[str, int]:
    """Send, break, heal, drain; return how many faults and tasks there were, and how many were lost or doubled."""
    conninfo = servers.conninfo(DATABASE)
    with psycopg.connect(servers.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE stock_effect (number int); CREATE TABLE stock_sent (number int)")
        crew = Crew(servers.folder)
        try:
            faults = _break(servers, crew, conninfo, seconds)
            _drain(connection, crew)
        finally:
            crew.kill_all()
            servers.wait_until_whole()
        return {"faults": faults} | _count(connection)


def _break(servers: Servers, crew: Crew, conninfo: str, seconds: float) -> int:
    environment = {
        **os.environ, "RABBITMQ_URL": servers.rabbitmq.url, "STOCK_CONNINFO": conninfo, "PYTHONPATH": str(BASE_DIR),
    }  # fmt: skip
    command = ["-m", "dramatiq", "tests.faults.stock:broker", "--processes", "1", "--threads", "4"]
    for name in ("stock-1", "stock-2"):
        crew.add(name, command, lambda: environment)
    send = ["-m", "tests.faults.stock_load"]
    crew.add("stock-sender", send, lambda: environment)
    dice, faults, began = random.Random(0), 0, time.monotonic()
    while time.monotonic() - began < seconds:
        pause = time.monotonic() + FAULT_PAUSE_SECONDS
        while time.monotonic() < pause:
            crew.tick()
            time.sleep(0.05)
        faults += 1
        if faults % 3 == 0:
            servers.kill_rabbitmq(wipe=faults % 2 == 0)
            servers.revive_rabbitmq()
            servers.wait_until_whole()
        elif victims := children(crew.pid(dice.choice(("stock-1", "stock-2"))) or 0):
            with suppress(ProcessLookupError):
                os.kill(dice.choice(victims), signal.SIGKILL)
    crew.stop("stock-sender")
    return faults


def _drain(connection: psycopg.Connection[tuple[object, ...]], crew: Crew) -> None:
    """Nothing has happened for a while."""
    last, unchanged_since = -1, time.monotonic()
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() - unchanged_since < 4 and time.monotonic() < deadline:
        crew.tick()
        time.sleep(0.2)
        row = connection.execute("SELECT count(*) FROM stock_effect").fetchone()
        if row is not None and int(str(row[0])) != last:
            last, unchanged_since = int(str(row[0])), time.monotonic()


def _count(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    row = connection.execute("""
        SELECT count(*), count(*) FILTER (WHERE done = 0), count(*) FILTER (WHERE done > 1) FROM (
            SELECT s.number, count(e.number) AS done FROM stock_sent s LEFT JOIN stock_effect e USING (number)
            GROUP BY s.number) AS sent
    """).fetchone()
    assert row is not None
    return dict(zip(("tasks", "lost", "doubled"), (int(str(value)) for value in row), strict=True))
