"""One size of the benchmark of reports, in a process of its own: `python -m benchmarks.reports_size
ROWS`.

The reports are those of the demo city, with other streets and numbers: five years of them, a
twentieth of them open, a fifth of them crowded around places with 20,000 each. Of the open ones a
third is assigned to a person or a crew; a fifth of the others were confirmed as repaired; a tenth
were made here and not imported; a twentieth has a photo. Prints one JSON object of figures.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# As each web server does: all views are loaded, and left out when garbage is looked for.
import_module("config.wsgi")

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.backends.utils import CursorWrapper  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from accounts import sessions  # noqa: E402
from accounts.models import User  # noqa: E402
from accounts.origins import Origin  # noqa: E402
from benchmarks.results import percentile  # noqa: E402
from config.pagination import Cursor  # noqa: E402
from reports.demo.texts import REPORTS  # noqa: E402
from reports.duplicates import checking  # noqa: E402
from reports.models import Category, Crew, Department, Status  # noqa: E402
from reports.models.place import cell_of  # noqa: E402

Figures = dict[str, float]

ROUNDS, ROUNDS_MINIMUM = 120, 10
MILLISECONDS = 15_000  # for what is timed ROUNDS times
PERIOD = timedelta(days=5 * 365)
LATITUDE, LONGITUDE, WIDTH = 41.31, -72.92, 0.2  # degrees: about 20 km
CROWD = 20_000  # reports for each crowded place, wherever they are
COPIES = 10  # made by PostgreSQL, which is quicker than Python
STREETS = tuple(
    f"{name} {kind}"
    for name in (
        "Chapel",
        "Elm",
        "Orchard",
        "Whalley",
        "Dixwell",
        "Grand",
        "State",
        "Howard",
        "Congress",
        "Winthrop",
        "Edgewood",
        "Goffe",
        "Sherman",
        "Norton",
        "Ellsworth",
        "Sylvan",
        "Lamberton",
    )
    for kind in ("Street", "Avenue", "Road", "Lane")
)
COLUMNS = (
    "id, reporter_id, title, description, latitude, longitude, cell, address, severity,"
    " severity_source, severity_rule, category_id, category_source, category_suggestions,"
    " department_id, due_at, sla_in_working_hours, status, published_at, is_live, source,"
    " external_id, created_at, updated_at, assignee_id, crew_id, response_due_at, responded_at,"
    " confirmed_at"
)


def main() -> None:
    print(json.dumps(measure(int(sys.argv[1]))))


def measure(rows: int) -> Figures:
    """Every figure among so many reports."""
    rng = random.Random(1)
    citizen = User.objects.get_or_create(phone="+12025550188")[0]
    clerk = User.objects.create_superuser(f"+1203555{secrets.randbelow(9000):04}")
    crowds = [place(rng) for _ in range(max(rows // CROWD, 1))]
    fill(rows, People(citizen, clerk, crew(clerk)), crowds, rng)
    figures = _timed("duplicates", partial(_check_duplicates, crowds, rng))
    readers = {"mine": citizen, **dict.fromkeys(_staff_lists(), clerk)}
    for name, query in (_lists() | _staff_lists()).items():
        client = _client(readers.get(name))
        figures |= _timed(name, partial(_open, client, f"/api/v1/reports/?{urlencode(query)}"))
    desk = Client()
    desk.force_login(clerk, backend="accounts.backends.StaffBackend")
    page = reverse("admin:reports_report_changelist")
    for name, query in _desk().items():
        figures |= _timed(name, partial(_open, desk, f"{page}?{urlencode(query)}"))
    return figures


@dataclass(frozen=True, slots=True)
class People:
    """Whose reports they are, and who works on them."""

    citizen: User
    clerk: User
    crew: Crew


def crew(member: User) -> Crew:
    department = Department.objects.order_by("pk")[0]
    crew = Crew.objects.get_or_create(name="Bench", department=department)[0]
    crew.members.set([member])
    return crew


def _client(reader: User | None) -> Client:
    if reader is None:
        return Client()
    with transaction.atomic():
        token = sessions.begin(reader, Origin("127.0.0.1"))[1].access
    return Client(headers={"Authorization": f"Bearer {token}"})


# --- What is measured ----------------------------------------------------------------------------


def _lists() -> dict[str, dict[str, str]]:
    box = (LONGITUDE, LATITUDE, LONGITUDE + 0.02, LATITUDE + 0.02)
    return {
        "list": {},
        "list_of_category": {"category": REPORTS[0][0]},
        "list_of_status": {"status": Status.IN_PROGRESS},
        "list_of_rare_statuses": {"status": f"{Status.WAITING},{Status.REOPENED}"},
        "list_deep": {"cursor": _cursor_of_old()},
        "map": {"bbox": ",".join(map(str, box))},
        "map_of_category": {"bbox": ",".join(map(str, box)), "category": REPORTS[0][0]},
        "mine": {"mine": "true"},
        "search_rare": {"q": "chapel street 4711"},
        "search_common": {"q": "street"},
        "search_two_words": {"q": "lamp dark"},
        # Both are common, and no report has both.
        "search_nothing": {"q": "mattresses pothole"},
        "search_on_map": {"q": "lamp", "bbox": ",".join(map(str, box))},
        "search_of_rare_statuses": {"q": "lamp", "status": Status.WAITING},
        "overdue": {"overdue": "true"},
        "not_overdue": {"overdue": "false"},
        "answer_overdue": {"answer_overdue": "true"},
        "due_before": {"due_before": datetime.now(UTC).isoformat()},
        "confirmed": {"confirmed": "true"},
        "with_photo": {"has_photo": "true"},
        "without_photo": {"has_photo": "false"},
    }


def _staff_lists() -> dict[str, dict[str, str | int]]:
    """Return the lists for staff alone, which choose among the reports on which they work."""
    return {
        "assigned_to_me": {"assigned": "me"},
        "assigned_to_my_crews": {"assigned": "my_crews"},
        "assigned_to_nobody": {"assigned": "nobody"},
        "of_crew": {"crew": Crew.objects.get(name="Bench").pk},
        "made_here": {"imported": "false"},
        "imported": {"imported": "true"},
        "of_source": {"source": "bench"},
    }


def _cursor_of_old() -> str:
    """Return the cursor of the page that begins with reports of four years ago."""
    at = datetime.now(UTC) - PERIOD * 0.8
    return Cursor((at.isoformat(), str(UUID(int=0)))).encode()


def _desk() -> dict[str, dict[str, str]]:
    return {
        "admin_list": {},
        "admin_search": {"q": "pothole chapel"},
        "admin_filter": {"status__exact": Status.IN_PROGRESS, "deadline": "overdue"},
    }


def _check_duplicates(crowds: list[tuple[float, float]], rng: random.Random) -> None:
    """As the web asks before it stores a report at a crowded place."""
    _, title, description = rng.choice(REPORTS)
    latitude, longitude = rng.choice(crowds)
    checking.check(
        title,
        description.format(street=rng.choice(STREETS)),
        latitude=latitude,
        longitude=longitude,
        reporter=None,
    )


def _open(client: Client, path: str) -> None:
    answer = client.get(path, HTTP_HOST="127.0.0.1", secure=True)
    if answer.status_code != 200:
        raise ValueError(f"{path} answered {answer.status_code}: {answer.content[:200]!r}")


def _timed(name: str, work: Callable[[], object]) -> Figures:
    """Time something ROUNDS times, or less often where that would take too long."""
    work()  # connects, and fills caches; not counted
    times: list[float] = []
    while len(times) < ROUNDS and (len(times) < ROUNDS_MINIMUM or sum(times) < MILLISECONDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return {f"{name}_p50_ms": percentile(times, 50), f"{name}_p99_ms": percentile(times, 99)}


# --- What it is measured on ----------------------------------------------------------------------


def fill(rows: int, people: People, crowds: list[tuple[float, float]], rng: random.Random) -> None:
    """So many reports, and PostgreSQL knows their distribution."""
    categories = {one.slug: one for one in Category.objects.select_related("department")}
    with connection.cursor() as cursor:
        # No trigger looks at the rows, and none keeps the history of earlier ones.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE reports_report CASCADE")
        with without_indexes(cursor):
            with cursor.copy(f"COPY reports_report ({COLUMNS}) FROM STDIN") as copy:
                for row in _rows(rows // COPIES, categories, people, crowds, rng):
                    copy.write_row(row)
            copying: dict[str, Any] = {"copies": COPIES, "step": PERIOD / rows}
            cursor.execute(_MULTIPLY, copying)
            cursor.execute(_STORE_WORDS)
            cursor.execute(_ADD_PHOTOS)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE reports_report, reports_reportwords, reports_photo")
        cursor.execute("CHECKPOINT")


#: Adds copies of each report: at the same spot, a moment later, with another house number.
_MULTIPLY = f"""
    INSERT INTO reports_report ({COLUMNS})
    SELECT overlay(id::text PLACING '8' || lpad(to_hex(copy), 3, '0') FROM 20 FOR 4)::uuid,
        reporter_id, title, replace(description, reports_report.address, moved.address),
        latitude, longitude, cell, moved.address, severity, severity_source, severity_rule,
        category_id, category_source, category_suggestions, department_id, due_at,
        sla_in_working_hours, status, published_at, is_live, source,
        external_id || '-' || copy, created_at + copy * %(step)s, updated_at, assignee_id, crew_id,
        response_due_at, responded_at, confirmed_at
    FROM reports_report, generate_series(1, %(copies)s - 1) AS copy, LATERAL (
        SELECT split_part(reports_report.address, ' ', 1)::int + copy * 10000 || ' '
            || substr(reports_report.address, strpos(reports_report.address, ' ') + 1) AS address
    ) AS moved
"""

#: As the trigger does, which does not look at these reports.
_STORE_WORDS = """
    INSERT INTO reports_reportwords (report_id, created_at, words)
    SELECT id, created_at, reports_words_of(title, description, address, external_id)
    FROM reports_report
"""
_ADD_PHOTOS = """
    INSERT INTO reports_photo (id, report_id, kind, state, refusal, takedown_reason)
    SELECT gen_random_uuid(), id, 'before', 'ready', '', '' FROM reports_report
    WHERE hashtext(id::text) % 20 = 0
"""


@contextmanager
def without_indexes(cursor: CursorWrapper) -> Iterator[None]:
    """Drop the indexes of reports and words meanwhile, except those of constraints; build them
    after.
    """
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid IN ('reports_report'::regclass, 'reports_reportwords'::regclass)"
        " AND NOT EXISTS ("
        " SELECT FROM pg_constraint WHERE conindid = indexrelid)"
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET maintenance_work_mem = '512MB'")
    for _, definition in indexes:
        cursor.execute(definition)


def _rows(
    rows: int,
    categories: dict[str, Category],
    people: People,
    crowds: list[tuple[float, float]],
    rng: random.Random,
) -> Iterator[tuple[Any, ...]]:
    """Yield the values of COLUMNS for so many reports, spread evenly over PERIOD."""
    began = datetime.now(UTC) - PERIOD
    for number in range(rows):
        at = began + PERIOD * (number / rows)
        slug, title, description = REPORTS[rng.randrange(len(REPORTS))]
        latitude, longitude = place(rng, near=rng.choice(crowds) if number % 5 == 0 else None)
        address = f"{rng.randrange(1, 9000)} {rng.choice(STREETS)}"
        values = (
            {
                "id": _id_at(at, number),
                "reporter_id": people.citizen.pk if number % 1000 == 0 else None,
                "title": title,
                "description": description.format(street=address),
                "latitude": latitude,
                "longitude": longitude,
                "cell": cell_of(latitude, longitude),
                "address": address,
                "created_at": at,
                "updated_at": at,
            }
            | _handling(categories[slug], at)
            | _source(number)
            | _progress(number, _status(number, rows, rng), at, people)
        )
        yield tuple(values[column] for column in COLUMNS.split(", "))


def _handling(category: Category, at: datetime) -> dict[str, Any]:
    """Return severity, category, department and deadlines of a report."""
    return {
        "severity": "medium",
        "severity_source": "",
        "severity_rule": "",
        "category_id": category.pk,
        "category_source": "staff",
        "category_suggestions": "[]",
        "department_id": category.department_id,
        "due_at": at + timedelta(days=5),
        "response_due_at": at + timedelta(days=1),
        "sla_in_working_hours": False,
    }


def _source(number: int) -> dict[str, Any]:
    """Return where a report came from: one in ten was made here, the others were imported."""
    is_made_here = number % 10 == 0
    return {
        "is_live": True,
        "source": "" if is_made_here else "bench",
        "external_id": None if is_made_here else f"SR-{number}",
    }


def _progress(number: int, status: str, at: datetime, people: People) -> dict[str, Any]:
    """Return the status of a report, with what goes with it: assignee, crew, answer and end."""
    is_assigned = status == Status.IN_PROGRESS
    return {
        "status": status,
        "published_at": at,
        "assignee_id": people.clerk.pk if is_assigned and number % 2 else None,
        "crew_id": people.crew.pk if is_assigned and number % 2 == 0 else None,
        "responded_at": None if status in (Status.NEW, Status.TRIAGED) else at,
        "confirmed_at": at if status == Status.CLOSED and number % 5 == 0 else None,
    }


def _status(number: int, rows: int, rng: random.Random) -> str:
    """Of the newest tenth of the reports half are open, and a few older ones wait."""
    if number % 5_000 == 0:
        return Status.WAITING.value
    if number > rows * 0.9 and rng.random() < 0.5:
        return rng.choice((Status.NEW, Status.TRIAGED, Status.IN_PROGRESS)).value
    return Status.CLOSED.value


def _id_at(at: datetime, number: int) -> UUID:
    """Return an id that sorts by the time, as those of the product do."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0x2 << 62 | number)


def place(rng: random.Random, near: tuple[float, float] | None = None) -> tuple[float, float]:
    if near is None:
        return LATITUDE + rng.uniform(0, WIDTH), LONGITUDE + rng.uniform(0, WIDTH)
    return near[0] + rng.gauss(0, 0.0004), near[1] + rng.gauss(0, 0.0004)


if __name__ == "__main__":
    settings.DEBUG = False  # which would keep every statement
    main()
