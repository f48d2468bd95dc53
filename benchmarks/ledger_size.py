"""What rows of finished tasks cost: the drain, the operator's pages and the rollup over 0 to
1,000,000 of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from statistics import median

import psutil

from benchmarks.results import Target, format_number
from benchmarks.services import Services, cpu_seconds

WORKER_THREADS = 8
MOST, FEW = 1_000_000, 1000
#: The empty and the full ledger take turns, so that a machine that grows busier does not look like
#: a slow ledger.
SIZES = (0, MOST, 10, FEW, MOST, 0)
REPEATS = 5
TARGETS: Mapping[str, Target] = {
    "drain_at_1000000_to_empty": Target(0.9, 1),
    "admin_list_at_1000000_to_1000": Target(6, 3, is_ceiling=True),
    "dashboard_at_1000000_to_1000": Target(6, 3, is_ceiling=True),
    "rollup_step_at_1000000_to_1000": Target(6, 3, is_ceiling=True),
    "effects_missing_or_doubled": Target(0, 0, is_ceiling=True),
}
#: A month of finished tasks of the city's actors, the newest an hour old, ids in the order of their
#: creation.
FILL = """
    INSERT INTO jobs_task (
        id, actor, queue, args, kwargs, priority, state, run_at, publish_at, published_at, attempt,
            max_attempts,
        worker_id, request_id, created_at, started_at, finished_at
    )
    SELECT uuidv7(age), (ARRAY['classify_report', 'notify_user',
        'deliver_notification'])[1 + n %% 3],
           (ARRAY['default', 'notifications'])[1 + n %% 2], jsonb_build_array(gen_random_uuid()),
               '{}', 0, 'succeeded',
           at, NULL, at, 1, 8, gen_random_uuid(), gen_random_uuid(), at, at + interval '3 ms',
               at + interval '9 ms'
    FROM generate_series(1, %(rows)s) AS n,
         LATERAL (SELECT interval '-1 hour' - interval '30 days' * (%(rows)s - n) / %(rows)s
             AS age) AS ages,
         LATERAL (SELECT statement_timestamp() + age AS at) AS times
"""


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Drain each size of ledger several times, by turns; return the medians."""
    tasks, drains = (2500, 2) if quick else (10_000, 3)
    measured: dict[str, list[float]] = defaultdict(list)
    wrong = 0
    for rows in SIZES:
        say(f"ledger_size: {format_number(rows)} finished rows")
        services.clear_tasks()
        fill(services, rows)
        with services.worker(threads=WORKER_THREADS, queues=("default",)) as master:
            for number in range(drains + 1):
                figures, missing = _drain(services, master, tasks)
                wrong += missing
                for name, value in figures.items() if number else ():  # the first warms up
                    measured[name.format(rows)].append(value)
        services.database.execute(
            "TRUNCATE jobs_taskrollup, jobs_mark"
        )  # so that the rollup has minutes to count
        for name, milliseconds in services.run_child(
            "operate", REPEATS, STAFF_TOTP_REQUIRED="off"
        ).items():
            measured[f"{name}_at_{rows}_ms"] += milliseconds
    services.clear_tasks()
    figures = {name: median(values) for name, values in measured.items()}
    drain = figures[f"drain_at_{MOST}_tasks_per_s"] / figures["drain_at_0_tasks_per_s"]
    pages = {
        f"{name}_at_{MOST}_to_{FEW}": figures[f"{name}_at_{MOST}_ms"]
        / figures[f"{name}_at_{FEW}_ms"]
        for name in ("admin_list", "dashboard", "rollup_step")
    }
    return (
        figures | pages | {f"drain_at_{MOST}_to_empty": drain, "effects_missing_or_doubled": wrong}
    )


def fill(services: Services, rows: int) -> None:
    """So many finished tasks are there, in the order of a month's work, and PostgreSQL knows their
    distribution.
    """
    services.database.execute(FILL, {"rows": rows})
    services.database.execute("VACUUM ANALYZE jobs_task")
    services.database.execute("CHECKPOINT")


def _drain(services: Services, master: psutil.Process, count: int) -> tuple[dict[str, float], int]:
    """Return the seconds from the first effect to the last, and the worker's processor time.

    Also return how many effects are missing or doubled.
    """
    services.database.execute("TRUNCATE bench_effect")
    used = cpu_seconds(master)
    services.run_child("preload", "ledger", count)
    effects = "SELECT count(*) FROM bench_effect"
    services.wait(lambda: services.count(effects) >= count, f"{count} tasks were not done")
    used = cpu_seconds(master) - used
    first, last = services.epochs("SELECT min(at), max(at) FROM bench_effect")
    distinct = services.count("SELECT count(DISTINCT number) FROM bench_effect")
    services.database.execute(
        "DELETE FROM jobs_task WHERE created_at > statement_timestamp() - interval '50 minutes'"
    )
    figures = {
        "drain_at_{}_tasks_per_s": count / (last - first),
        "worker_cpu_at_{}_ms_per_task": used / count * 1000,
    }
    return figures, services.count(effects) - distinct + count - distinct
