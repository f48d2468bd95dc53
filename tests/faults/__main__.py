"""`python -m tests.faults`: break the system once a seed, show that stock Dramatiq fails the same
test, and report.

SEEDS (how many, default 3), QUICK (shorter runs) and DATA_DIR are read from the environment. The
figures are written to DATA_DIR/faults/latest.json; the exit status is 1 where anything was lost,
doubled or left over.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.campaign import DUPLICATE_CALL_BACK, Campaign, Result
from tests.faults.control import run_control
from tests.faults.injections import deck
from tests.faults.outages import Outage, Outages, line
from tests.faults.system import Servers

LONGEST_DRAIN_SECONDS = 30


def main() -> int:
    folder = Path(os.environ.get("DATA_DIR") or "var").resolve() / "faults"
    is_quick = bool(os.environ.get("QUICK"))
    first = int(os.environ.get("FIRST_SEED") or 1)
    seeds = range(first, first + int(os.environ.get("SEEDS") or 3))
    seconds = float(os.environ.get("SECONDS_A_SEED") or (35 if is_quick else 90))
    results: list[Result] = []
    with Servers(folder / "run") as servers:
        print("The control: stock Dramatiq under the same kind of faults …", flush=True)
        control = run_control(servers, seconds=10 if is_quick else 20)
        print("RabbitMQ away, frozen, half alive and empty, one after the other …", flush=True)
        outages = Outages(servers, seconds=8 if is_quick else 20)
        outages.run()
        for seed in seeds:
            print(f"Seed {seed}: {seconds:.0f} s of faults …", flush=True)
            cards = deck(
                random.Random(seed),
                weight=1 if is_quick else 3,
                can_fill_disk=servers.disk.can_fill,
            )
            results.append(Campaign(servers, cards, seed=seed, seconds=seconds).run())
            print(_line(results[-1]), flush=True)
            report = _report(
                results,
                control,
                outages.outages,
                outages.breaches,
                can_fill_disk=servers.disk.can_fill,
            )
            (folder / "latest.json").write_text(json.dumps(report, indent=1) + "\n")
    print(_table(report))
    return 0 if report["passed"] else 1


def _report(
    results: list[Result],
    control: dict[str, int],
    outages: list[Outage],
    missed: list[str],
    *,
    can_fill_disk: bool,
) -> dict[str, Any]:
    hit: Counter[str] = sum((result.hit for result in results), Counter())
    unhit: Counter[str] = sum((result.unhit for result in results), Counter())
    lesser = Counter({kind: times for kind, times in hit.items() if _is_lesser(kind)})
    breaches = missed + _breaches(results, control)
    return {
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seeds": [result.seed for result in results],
        "faults": hit.total() - lesser.total(),
        "lesser_faults": lesser.total(),
        "faults_by_kind": dict(sorted(hit.items())),
        "unhit": dict(sorted(unhit.items())),
        "tasks": sum(result.judged.tasks for result in results),
        "lost": sum(result.judged.lost + result.judged.unfinished for result in results),
        "doubled": sum(result.judged.doubled for result in results),
        "longest_drain_seconds": max(result.drain_seconds for result in results),
        "outages": {outage.name: outage.figures() for outage in outages},
        "control": control,
        "disk_full": "injected"
        if can_fill_disk
        else "not possible: mounting a tmpfs is not permitted here",
        "breaches": breaches,
        "passed": not breaches,
        "runs": [vars(result) | {"judged": vars(result.judged)} for result in results],
    }


def _breaches(results: list[Result], control: dict[str, int]) -> list[str]:
    """Return, in words, each promise that was broken in a seed or by the control."""
    breaches = []
    for result in results:
        seed = f"seed {result.seed}"
        breaches += [f"{seed}: {breach}" for breach in result.judged.breaches]
        if result.drain_seconds > LONGEST_DRAIN_SECONDS:
            breaches.append(f"{seed}: drained only after {result.drain_seconds} s")
        if not result.judged.delivered:
            breaches.append(f"{seed}: no delivery was called back about")
        idle = [kind for kind, count in result.civic.items() if not count]
        if idle:
            breaches.append(f"{seed}: there were no {', no '.join(idle)}")
    if not (control["lost"] and control["doubled"]):
        breaches.append(
            "the control lost or doubled nothing: the check cannot fail, so it proves nothing"
        )
    return breaches


def _is_lesser(kind: str) -> bool:
    """Return whether a fault is one of the many small ones.

    Counted together with the others they would hide how few those are.
    """
    return kind == DUPLICATE_CALL_BACK or kind.startswith("thread death at loop.")


def _line(result: Result) -> str:
    judged = result.judged
    return (
        f"  {result.hit.total()} faults, {judged.tasks} tasks {judged.states}, {judged.lost} lost,"
        f" {judged.doubled} doubled, drained in {result.drain_seconds} s; {judged.repeated_calls} "
        f"of {judged.calls}"
        f" calls repeated, {judged.lost_leases} leases lost, dead {judged.dead}; {judged.receipts} "
        "receipts,"
        f" {judged.delivered} deliveries delivered; {result.restarts} restarts;"
        f" answers {dict(result.answers)}; {result.civic}; {result.seconds:.0f} s"
        + "".join(f"\n  BREACH {breach}" for breach in judged.breaches)
    )


def _table(report: dict[str, Any]) -> str:
    kinds = sorted(report["faults_by_kind"].keys() | report["unhit"].keys())
    lines = _kinds("processes, servers, networks", report, [k for k in kinds if not _is_lesser(k)])
    lines += _kinds("call-backs and loop threads", report, [k for k in kinds if _is_lesser(k)])
    lines += ["", *(line(name, figures) for name, figures in report["outages"].items())]
    lines += [
        "",
        f"{'':16}  {'faults':>7}  {'tasks':>8}  {'lost':>6}  {'doubled':>7}  {'longest drain':>13}",
        _row("CivicLens", report) + f"  {report['longest_drain_seconds']:11} s",
        _row("stock Dramatiq", report["control"]),
        "",
        *report["breaches"],
        "passed" if report["passed"] else "FAILED",
    ]
    return "\n".join(lines)


def _kinds(title: str, report: dict[str, Any], kinds: list[str]) -> list[str]:
    """Return a table of faults of one sort, with their sum."""
    rows = [
        (kind, report["faults_by_kind"].get(kind, 0), report["unhit"].get(kind, 0))
        for kind in kinds
    ]
    rows.append(("together", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    width = max(len(title), *(len(kind) for kind, _, _ in rows))
    lines = ["", f"{title:{width}}  {'hit':>6}  {'unhit':>6}"]
    return lines + [f"{kind:{width}}  {hit:6}  {unhit:6}" for kind, hit, unhit in rows]


def _row(name: str, figures: dict[str, Any]) -> str:
    faults, tasks, lost, doubled = (figures[key] for key in ("faults", "tasks", "lost", "doubled"))
    return f"{name:16}  {faults:7}  {tasks:8}  {lost:6}  {doubled:7}"


if __name__ == "__main__":
    sys.exit(main())
