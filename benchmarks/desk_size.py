"""One size of the benchmark of the desk, in a process of its own: `python -m benchmarks.desk_size
ROWS`.

The reports are those of `benchmarks.reports_size`, the tasks those of `benchmarks.ledger_size`, of
which one in 2,000 is dead. Pages are read as an administrator reads them. Prints one JSON object of
figures: of each page its statements, its time by the clock and of the processor, and its size.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import sys
import time
from functools import partial
from importlib import import_module
from urllib.parse import urlencode

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# As each web server does: all views are loaded, and left out when garbage is looked for.
import_module("config.wsgi")

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import NoReverseMatch, reverse  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks import desk, ledger_size, reports_size  # noqa: E402
from benchmarks.reports_size import CROWD, People  # noqa: E402
from benchmarks.results import percentile  # noqa: E402
from jobs.models import Task  # noqa: E402
from reports.models import Report, Status  # noqa: E402

Figures = dict[str, float]

ROUNDS, ROUNDS_MINIMUM = 40, 10
MILLISECONDS = 4_000  # for a page that is timed ROUNDS times
_MARK_DEAD = """
    UPDATE jobs_task SET state = 'dead' WHERE id IN (
        SELECT id FROM jobs_task WHERE hashtext(id::text) %% 2000 = 0
    )
"""


def main() -> None:
    print(json.dumps(measure(int(sys.argv[1]))))


def measure(rows: int) -> Figures:
    """Every figure among so many reports and tasks."""
    clerk = User.objects.create_superuser(f"+1203555{secrets.randbelow(9000):04}")
    _fill(rows, clerk)
    client = Client()
    client.force_login(clerk, backend="accounts.backends.StaffBackend")
    figures: Figures = {}
    for name, (page, query) in desk.PAGES.items():
        figures |= _measured(name, partial(_open, client, f"{_address(page)}?{urlencode(query)}"))
    return figures


def _fill(rows: int, clerk: User) -> None:
    rng = random.Random(1)
    citizen = User.objects.get_or_create(phone="+12025550188")[0]
    crowds = [reports_size.place(rng) for _ in range(max(rows // CROWD, 1))]
    people = People(citizen, clerk, reports_size.crew(clerk))
    reports_size.fill(rows, people, crowds, rng)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE jobs_task CASCADE")
        cursor.execute(ledger_size.FILL, {"rows": rows})
        cursor.execute(_MARK_DEAD, ())
        cursor.execute("VACUUM ANALYZE jobs_task")
        cursor.execute("CHECKPOINT")


def _address(page: str) -> str:
    """Return the address of a page, of an open report or of a task if it is about one."""
    try:
        return reverse(f"admin:{page}")
    except NoReverseMatch:
        rows = Task.objects if page.startswith("jobs") else Report.objects
        row = rows.filter(state="dead").first() if rows is Task.objects else _open_report()
        assert row is not None
        return reverse(f"admin:{page}", args=[row.pk])


def _open_report() -> Report:
    return Report.objects.filter(status=Status.NEW).latest("created_at")


def _open(client: Client, path: str) -> HttpResponse:
    answer: HttpResponse = client.get(path, HTTP_HOST="127.0.0.1", secure=True)  # type: ignore[assignment]
    if answer.status_code != 200:
        raise ValueError(f"{path} answered {answer.status_code}: {answer.content[:200]!r}")
    return answer


def _measured(name: str, work: partial[HttpResponse]) -> Figures:
    """Open a page ROUNDS times, or less often where that takes too long, and count it once."""
    work()  # connects, and fills caches; not counted
    with CaptureQueriesContext(connection) as statements:
        size = len(work().content)
    count = len(statements)  # before the next request, which empties the list
    clock: list[float] = []
    processor: list[float] = []
    while len(clock) < ROUNDS and (len(clock) < ROUNDS_MINIMUM or sum(clock) < MILLISECONDS):
        began, used = time.perf_counter(), time.process_time()
        work()
        clock.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return {
        f"{name}_statements": count,
        f"{name}_p50_ms": percentile(clock, 50),
        f"{name}_p95_ms": percentile(clock, 95),
        f"{name}_cpu_p50_ms": percentile(processor, 50),
        f"{name}_cpu_p95_ms": percentile(processor, 95),
        f"{name}_kb": size / 1000,
    }


if __name__ == "__main__":
    settings.DEBUG = False  # which would keep every statement
    main()
