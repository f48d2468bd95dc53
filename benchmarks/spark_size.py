"""One step of the benchmark of Spark, in a process of its own: `python -m benchmarks.spark_size
fill ROWS`, `… built_in` or `… spark`.

Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from jobs.ledger.database import execute, fetch  # noqa: E402
from reports.leaderboard import computing  # noqa: E402
from reports.models import LeaderboardPeriod  # noqa: E402

USERS, REPORTS = 20_000, 50_000
_FILL = """
SET session_replication_role = replica;
TRUNCATE accounts_reputationentry, reports_leaderboardstanding;
INSERT INTO accounts_user (id, password, is_superuser, phone, email, name, locale, wants_sms,
    wants_report_sms, is_on_leaderboard, reputation, is_active, is_staff, date_joined,
    tokens_valid_after)
SELECT gen_random_uuid(), '', false, '+1999' || lpad(n::text, 7, '0'), '', 'Citizen ' || n, 'en',
    false, false, true, 0, true, false, now(), now()
FROM generate_series(1, {users}) AS n ON CONFLICT DO NOTHING;
CREATE TEMPORARY TABLE people AS
    SELECT id, row_number() OVER () AS n FROM accounts_user WHERE phone LIKE '+1999%';
CREATE TEMPORARY TABLE places AS
    SELECT id, row_number() OVER () AS n FROM reports_report LIMIT {reports};
INSERT INTO accounts_reputationentry (id, user_id, points, event_key, reason, created_at)
SELECT gen_random_uuid(), people.id, CASE WHEN entry.n % 9 = 0 THEN -10 ELSE 5 END,
    'report:' || places.id || ':' || entry.n, 'benchmark',
    now() - interval '5 years' * random()
FROM (
    SELECT n, 1 + (random() * random() * (SELECT count(*) - 1 FROM people))::bigint AS person,
        1 + n % (SELECT count(*) FROM places) AS place
    FROM generate_series(1, {rows}) AS n
) AS entry
JOIN people ON people.n = entry.person JOIN places ON places.n = entry.place;
ANALYZE accounts_reputationentry;
"""
_DIGEST = """
SELECT md5(string_agg(concat_ws('|', area_id, user_id, points, reached_at), ','
    ORDER BY area_id, user_id)) FROM reports_leaderboardstanding WHERE period = 'all'
"""


def fill(rows: int) -> dict[str, Any]:
    """Fill the ledger of reputation with so many events."""
    with connection.cursor() as cursor:
        cursor.execute(_FILL.format(users=USERS, reports=REPORTS, rows=rows))
    return {"rows": rows}


def compute() -> dict[str, Any]:
    """Compute the leaderboard of all time from nothing; return the seconds and a digest of it."""
    execute("TRUNCATE reports_leaderboardstanding", [])
    began_at = time.perf_counter()
    write = computing.prepare(LeaderboardPeriod.ALL)
    with transaction.atomic():
        write()
    seconds = time.perf_counter() - began_at
    return {"seconds": seconds, "digest": fetch(_DIGEST, [])[0][0]}


def main(step: str, *arguments: str) -> None:
    """Run the step that the command line names."""
    settings.USE_SPARK = step == "spark"
    figures = fill(int(arguments[0])) if step == "fill" else compute()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
