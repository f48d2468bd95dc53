"""The health checks: each answers in bounded time, even if the checked service hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, Generic, TypeVar

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction

from jobs.operations.health import BrokerState, broker_state, ledger_lag

T = TypeVar("T")

log = structlog.get_logger(__name__)

#: How long a caller waits for the next result where there is one that may still be given.
MOMENT_SECONDS = 0.05
#: Rows that do not fit this memory go into a new file of 280 kB: reused space would hide a full
#: disk.
_SPILL_MEMORY = "64kB"
#: Write that file and, to be flushed at the commit, a record of the WAL. No role needs a right of
#: its own for this: production's application may create no table, not even a temporary one.
_WRITE = """
SELECT current_setting('transaction_read_only')::boolean,
       pg_logical_emit_message(true, 'civiclens_readiness', ''),
       (SELECT count(*) FROM generate_series(1, 20000))
"""


class Probe(Generic[T]):
    """A check in its own thread, one run at a time, whose result is kept for `keep_seconds`.

    A caller waits at most `patience_seconds`, also where the service does not answer at all; many
    callers share one run, and so one connection to the service. A run that takes ten times as long
    is abandoned. A result that is kept is also given while the next run takes longer than a moment,
    until it is `stale_seconds` old; so a check that takes its time on a busy machine delays nobody.
    """

    def __init__(
        self,
        check: Callable[[], T],
        *,
        patience_seconds: float,
        keep_seconds: float = 0,
        stale_seconds: float = 0,
    ) -> None:
        self._check = check
        self._patience = patience_seconds
        self._keep = keep_seconds
        self._stale = stale_seconds
        self._lock = threading.Lock()
        self._run: Future[T] | None = None
        self._last: Future[T] | None = None
        self._ended_at = 0.0  # when that run ended
        self._expires_at = 0.0

    def ask(self) -> T:
        """Return the check's result.

        Raises:
            TimeoutError: it took longer than `patience_seconds`.
            Exception: whatever the check raises.
        """
        with self._lock:
            if self._run is None or time.monotonic() >= self._expires_at:
                self._run = self._begin()
            run, last = self._run, self._known()
        try:
            return run.result(MOMENT_SECONDS if last else self._patience)
        except NotInTime:
            if last is None:
                raise TimeoutError from None
            return last.result(self._patience)

    def _begin(self) -> Future[T]:
        run: Future[T] = Future()
        self._expires_at = time.monotonic() + 10 * self._patience
        threading.Thread(target=self._work, args=[run], name="health", daemon=True).start()
        return run

    def _known(self) -> Future[T] | None:
        """Return the run that ended well the last time, if its result may still be given."""
        is_recent = time.monotonic() < self._ended_at + self._stale
        return self._last if is_recent else None

    def forget(self) -> None:
        """Discard the kept result, so that the next `ask` runs the check."""
        with self._lock:
            self._run = self._last = None

    def _work(self, run: Future[T]) -> None:
        try:
            result = self._check()
        except Exception as error:  # noqa: BLE001 - carried to the caller
            self._end(run, is_well=False)
            run.set_exception(error)
        else:
            self._end(run, is_well=True)
            run.set_result(result)

    def _end(self, run: Future[T], *, is_well: bool) -> None:
        with self._lock:
            if run is self._run:
                self._last, self._ended_at = run if is_well else None, time.monotonic()
                self._expires_at = self._ended_at + self._keep


def _ask_database() -> float:
    """Return the ledger's lag in seconds, and close the connection, so that none is reused."""
    try:
        return ledger_lag()
    finally:
        connection.close()


def _write_to_disk() -> None:
    """Write a new file and a record of the WAL, and commit them to the disk.

    Raises:
        DatabaseError: the disk is full, or the database is read-only.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('work_mem', %s, true)", [_SPILL_MEMORY])
            cursor.execute(_WRITE)
            is_read_only, *_ = cursor.fetchone()
            if is_read_only:
                raise DatabaseError("The database is read-only.")
    finally:
        connection.close()


#: Kept for a moment, so that many callers, which anybody can be, cost one statement a second.
database_probe: Probe[float] = Probe(_ask_database, patience_seconds=2, keep_seconds=1)
disk_probe: Probe[None] = Probe(
    _write_to_disk, patience_seconds=2, keep_seconds=5, stale_seconds=15
)
broker_probe: Probe[BrokerState] = Probe(
    broker_state, patience_seconds=2, keep_seconds=5, stale_seconds=15
)


def forget() -> None:
    """Discard all kept results, so that the next report runs every check."""
    for probe in (database_probe, disk_probe, broker_probe):
        probe.forget()


def report() -> dict[str, Any]:
    """Return the health report, `{status, checks}`.

    The status is `down` without PostgreSQL, and `degraded` while tasks are late or RabbitMQ is
    away: requests are still answered then, and tasks run late.
    """
    checks = {**_database_and_ledger(), "disk": _disk(), "broker": _broker()}
    statuses = {check["status"] for check in checks.values()}
    status = next((level for level in ("down", "degraded") if level in statuses), "ok")
    return {"status": status, "checks": checks}


def _database_and_ledger() -> dict[str, dict[str, Any]]:
    try:
        lag = database_probe.ask()
    except (DatabaseError, TimeoutError) as error:
        log.warning("health_database_down", error=type(error).__name__)
        return {"database": {"status": "down"}, "ledger": {"status": "down", "lag_seconds": None}}
    late = lag > settings.HEALTH_LEDGER_LAG_SECONDS
    return {
        "database": {"status": "ok"},
        "ledger": {"status": "degraded" if late else "ok", "lag_seconds": round(lag, 1)},
    }


def _disk() -> dict[str, Any]:
    try:
        disk_probe.ask()
    except (DatabaseError, TimeoutError) as error:
        log.warning("health_disk_down", error=type(error).__name__, reason=str(error))
        return {"status": "down"}
    return {"status": "ok"}


def _broker() -> dict[str, Any]:
    try:
        state: BrokerState = broker_probe.ask()
    except TimeoutError:
        state = "down"
    return {"status": "degraded" if state == "down" else "ok", "state": state}
