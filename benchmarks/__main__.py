"""Run the benchmarks: `make bench [ONLY=ledger] [QUICK=1] [DATA_DIR=var]`. The exit status is 1
where one fails.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Protocol

from benchmarks import (
    collection,
    dates,
    desk,
    discovery,
    dispatch,
    intake,
    ledger,
    ledger_size,
    machine,
    matching,
    mixed,
    patterns,
    reports,
    schema,
    slow_clients,
    spark,
)
from benchmarks.results import Outcome, Target, table
from benchmarks.services import BASE_DIR, BenchmarkError, Services
from config.development.processes import ServiceError, locked


class Benchmark(Protocol):
    """A module of this package that measures."""

    TARGETS: Mapping[str, Target]

    def run(
        self, services: Services, *, quick: bool, say: Callable[[str], None]
    ) -> dict[str, float]: ...


BENCHMARKS: dict[str, Benchmark] = {
    "ledger": ledger,
    "ledger_size": ledger_size,
    "intake": intake,
    "matching": matching,
    "mixed": mixed,
    "reports": reports,
    "desk": desk,
    "patterns": patterns,
    "collection": collection,
    "dates": dates,
    "dispatch": dispatch,
    "discovery": discovery,
    "slow_clients": slow_clients,
    "schema": schema,
    "spark": spark,
}
#: These need more than `make setup` installs.
ONLY_BY_NAME = {"spark"}


def main() -> int:
    """Run what ONLY names, all by default; print one table and write DATA_DIR/bench/NAME.json for
    each.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        chosen = choose(os.environ.get("ONLY", ""))
        outcomes = _measure(chosen, quick=is_on(os.environ.get("QUICK", "")))
    except (BenchmarkError, ServiceError) as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        return _complain("Interrupted; every process of the run has been stopped.")
    print("\n" + table([row for outcome in outcomes for row in outcome.rows()]), flush=True)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def choose(only: str) -> list[str]:
    """Return the benchmarks that `only` names, separated by commas or spaces.

    If it is empty: all that `make setup` has installed everything for.
    """
    names = only.replace(",", " ").split() or [
        name for name in BENCHMARKS if name not in ONLY_BY_NAME
    ]
    if unknown := sorted(set(names) - BENCHMARKS.keys()):
        raise BenchmarkError(
            f"There is no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}."
        )
    return names


def is_on(text: str) -> bool:
    """Return whether an environment switch is on."""
    return text.strip().lower() not in {"", "0", "no", "off", "false"}


def _measure(names: list[str], *, quick: bool) -> list[Outcome]:
    folder = Path(os.environ.get("DATA_DIR") or BASE_DIR / "var").resolve() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    _say(f"Starting PostgreSQL and RabbitMQ in {folder} …")
    with locked(folder / "lock"), Services(folder) as services:
        return [_run(name, services, folder, quick=quick) for name in names]


def _run(name: str, services: Services, folder: Path, *, quick: bool) -> Outcome:
    facts = machine.describe(services.database, services.rabbitmq)
    benchmark = BENCHMARKS[name]
    figures = benchmark.run(services, quick=quick, say=_say)
    outcome = Outcome(name, figures, benchmark.TARGETS, facts | {"quick": quick})
    _say(f"{name}: written to {outcome.write(folder)}")
    return outcome


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _complain(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
