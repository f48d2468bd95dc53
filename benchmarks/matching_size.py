"""One size of the matching benchmark, in a process of its own: `python -m benchmarks.matching_size ROWS`.

Synthetic vectors follow real clusters: each is the embedding of one of the demo's texts, mixed with up to 0.6 of two
others and a little noise, so that it has a cosine of about .8 to its own text, as real texts of one subject have, and
few dimensions in which it differs. Texts are the demo's own with a number. Prints one JSON object of figures.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import django

ROUNDS = 15
OLD_WAY_ROWS = 5_000
DEPTH = 100


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    rows = int(sys.argv[1])
    print(json.dumps(_measure(rows)))


def _measure(rows: int) -> dict[str, float]:  # noqa: PLR0915 - one table of figures from top to bottom
    import numpy as np  # noqa: PLC0415 - after Django's setup, like everything below
    from django.db import connection, transaction  # noqa: PLC0415

    from matching import indexing, search  # noqa: PLC0415
    from matching.embeddings import get_embedder, unit_rows  # noqa: PLC0415
    from matching.finding import save_matches  # noqa: PLC0415
    from matching.matchmaking import find, forget_rarity, query_for, refresh_rarity  # noqa: PLC0415
    from matching.models import Opportunity, VectorSpace  # noqa: PLC0415
    from matching.profiles import edit  # noqa: PLC0415
    from matching.spaces import space_for  # noqa: PLC0415

    figures: dict[str, float] = {}
    space = space_for(get_embedder())
    centres = _fill(rows, space.pk)
    started = time.perf_counter()
    indexing.build(VectorSpace.objects.get(pk=space.pk))
    figures["index_build_s"] = time.perf_counter() - started
    refresh_rarity()
    forget_rarity()
    user = _citizen()
    profile = edit(user, CITIZEN)
    today = search.Criteria(day=None)
    selectivities = {
        "all": today,
        "10_percent": search.Criteria(kinds=("grant",)),
        "1_percent": search.Criteria(category="one"),
        "adversarial": search.Criteria(category="opposed"),
    }
    query = unit_rows((centres[0] + 0.2 * centres[12])[None, :])[0]
    for name, criteria in selectivities.items():
        exact = search.nearest(query, criteria, space, count=DEPTH, plan="exact")
        figures |= _timed(f"{name}_vector", partial(search.nearest, query, criteria, space, count=DEPTH))
        hits = search.nearest(query, criteria, space, count=DEPTH)
        figures[f"{name}_recall_at_100"] = len(set(hits.ids) & set(exact.ids)) / max(len(exact.ids), 1)

        def run(criteria: search.Criteria = criteria) -> None:
            with transaction.atomic():
                wish = query_for(profile, "", space)
                found = find(wish, criteria, space, count=DEPTH)
                save_matches(
                    user.pk,
                    [{"opportunity_id": str(one.id), "score": one.score, "reasons": one.reasons} for one in found],
                )

        figures |= _timed(f"{name}_run", run)
    figures |= _plain_hnsw(query, selectivities["1_percent"], space)
    old_rows = min(rows, OLD_WAY_ROWS)
    started = time.perf_counter()
    loaded = list(Opportunity.objects.defer("search").prefetch_related("vectors")[:old_rows])
    sorted(loaded, key=lambda one: _python_score(one, query))
    figures["old_way_run_p50_ms"] = (time.perf_counter() - started) * 1000 * rows / old_rows
    figures["times_faster_than_the_old_way"] = figures["old_way_run_p50_ms"] / figures["all_run_p50_ms"]
    matrix = np.tile(centres, (rows // len(centres) + 1, 1))[:rows]
    figures |= _timed("numpy_brute_force", lambda: np.argpartition(-(matrix @ query), DEPTH)[:DEPTH])
    connection.close()
    return figures


CITIZEN = {
    "headline": "Carpenter who loves trees",
    "about": "I would like to repair homes of older people and to plant street trees on weekends.",
    "skills": ["carpentry", "home repair", "gardening"],
    "interests": ["housing", "environment"],
    "wants": [],
}


def _citizen() -> Any:
    from accounts.models import User  # noqa: PLC0415

    return User.objects.get_or_create(phone="+12025550199")[0]


def _fill(rows: int, space_id: int) -> Any:
    """So many opportunities with vectors, beside nothing else; the centres of their clusters."""
    import numpy as np  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from matching.demo import OPPORTUNITIES  # noqa: PLC0415
    from matching.embeddings import get_embedder, unit_rows  # noqa: PLC0415
    from matching.terms import Terms  # noqa: PLC0415

    texts = [f"{title}. {category}. {description}" for _, title, _, category, description in OPPORTUNITIES]
    centres = get_embedder().embed(texts)
    packed = [Terms.of(text).pack() for text in texts]
    count = len(OPPORTUNITIES)
    rng = np.random.default_rng(1)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE matching_opportunity CASCADE")
        cursor.execute(f"DROP INDEX IF EXISTS matching_opp_vector_ann_{space_id}")  # copied into, it costs 2 ms a row
        cursor.execute("CREATE TEMP TABLE cluster (number int, title text, organisation text, description text)")
        cursor.executemany(
            "INSERT INTO cluster VALUES (%s, %s, %s, %s)",
            [(i, title, org, text) for i, (_, title, org, _, text) in enumerate(OPPORTUNITIES)],
        )
        cursor.execute(
            """
            INSERT INTO matching_opportunity (id, kind, title, description, organisation, category, requirements,
                languages, is_remote, places_taken, is_active, source, external_id, version, latitude, longitude,
                created_at, updated_at)
            SELECT lpad(to_hex(n), 32, '0')::uuid, CASE WHEN n %% 10 = 3 THEN 'grant' ELSE 'volunteering' END,
                title || ' ' || n, description, organisation || n %% 997,
                CASE WHEN n %% 100 = 7 THEN 'one' WHEN n %% %s = 25 AND n %% 2 = 1 THEN 'opposed' ELSE 'other' END, '',
                '{}', false, 0, true, 'bench', n::text, 1, 40 + (n %% 1000) / 1000.0, -74 + (n %% 777) / 777.0,
                now(), now()
            FROM generate_series(0, %s - 1) AS n JOIN cluster ON cluster.number = n %% %s
            """,
            [count, rows, count],
        )
        columns = "opportunity_id, space_id, embedding, terms, version"
        with cursor.copy(f"COPY matching_opportunityvector ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["uuid", "int8", "bytea", "bytea", "int4"])
            for start in range(0, rows, 5000):
                size = min(5000, rows - start)
                numbers = np.arange(start, start + size)
                others, shares = rng.integers(count, size=(2, size)), rng.uniform(0, 0.6, size=(2, size, 1))
                noise = rng.normal(size=(size, centres.shape[1])) * 0.02
                mixed = (
                    centres[numbers % count] + shares[0] * centres[others[0]] + shares[1] * centres[others[1]] + noise
                )
                vectors = unit_rows(mixed.astype(np.float32)).astype(">f4")
                for number, vector in zip(numbers, vectors, strict=True):
                    head = struct.pack(">HH", len(vector), 0)
                    copy.write_row(
                        (_uuid(int(number)), space_id, head + vector.tobytes(), packed[int(number) % count], 1)
                    )
        for table in ("opportunity", "opportunityvector"):
            cursor.execute(f"VACUUM ANALYZE matching_{table}")
    return centres


def _uuid(number: int) -> Any:
    from uuid import UUID  # noqa: PLC0415

    return UUID(int=number)


def _plain_hnsw(query: Any, criteria: Any, space: Any) -> dict[str, float]:
    """A filter on top of a plain index scan: fast, and it misses nearly everything."""
    from django.conf import settings  # noqa: PLC0415

    from matching import search  # noqa: PLC0415

    exact = search.nearest(query, criteria, space, count=DEPTH, plan="exact")
    bound = settings.VECTOR_MAX_SCAN_ROWS
    settings.VECTOR_MAX_SCAN_ROWS = 1
    hits = search.nearest(query, criteria, space, count=DEPTH, plan="index")
    settings.VECTOR_MAX_SCAN_ROWS = bound
    return {"plain_hnsw_1_percent_recall": len(set(hits.ids) & set(exact.ids)) / max(len(exact.ids), 1)}


def _python_score(opportunity: Any, query: Any) -> float:
    """As the old way scored: a loop over numbers."""
    vector = opportunity.vectors.all()[0].embedding
    return -sum(float(a) * float(b) for a, b in zip(vector, query, strict=True))


def _timed(name: str, work: Callable[[], object]) -> dict[str, float]:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return {f"{name}_p50_ms": times[len(times) // 2], f"{name}_p99_ms": times[-1]}


if __name__ == "__main__":
    main()
