"""One size of the matching benchmark, in a process of its own: `python -m benchmarks.matching_size
ROWS`.

Synthetic vectors follow real clusters: each is the embedding of a real text, mixed with up to 0.6
of two others and a little noise, so that it has a cosine of about .8 to its own text, as real texts
of one subject have, and few dimensions in which it differs. The texts are those of
`../shared/data/opportunities.jsonl` where that is at hand, else the demo city's, with a number.
Citizens have the vectors of opportunities. Prints one JSON object of figures.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import numpy as np  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from pgvector import Vector  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks.results import percentile  # noqa: E402
from embeddings.embedder import Vectors, get_embedder, unit_rows  # noqa: E402
from matching.actors import REVERSE_BATCH  # noqa: E402
from matching.demo.texts import OPPORTUNITIES  # noqa: E402
from matching.models import Match, Opportunity, Profile, ProfileVector, VectorSpace  # noqa: E402
from matching.profiles.editing import edit  # noqa: E402
from matching.ranking import everyone, reverse  # noqa: E402
from matching.ranking.pipeline import find  # noqa: E402
from matching.ranking.saving import save_matches  # noqa: E402
from matching.ranking.wishes import query_for  # noqa: E402
from matching.search import nearest  # noqa: E402
from matching.search.criteria import Criteria  # noqa: E402
from matching.search.indexes import IS_OF_ANY_BUILD, citizen_index, opportunity_index  # noqa: E402
from matching.search.tuning import tuned_for_index  # noqa: E402
from matching.text.rarity import kept_rarity, refresh_rarity  # noqa: E402
from matching.text.terms import Terms  # noqa: E402
from matching.vectors import indexing  # noqa: E402
from matching.vectors.spaces import space_for  # noqa: E402
from matching.vectors.storing import current_profile_vector, upsert  # noqa: E402

Figures = dict[str, float]
#: Title, organisation, category and description.
Text = tuple[str, str, str, str]

REAL_TEXTS = Path(settings.BASE_DIR).parent / "shared" / "data" / "opportunities.jsonl"
REAL_TEXTS_MAX = 1000
ROUNDS = 15
OLD_WAY_ROWS = 5_000
DEPTH = 100
FULL_LISTS = 20
CHUNK_ROWS = 5_000
#: How much of all opportunities a filter lets through, and whether it lies with or against the
#: query's cluster.
CASES = {
    "all": Criteria(),
    "10_percent": Criteria(kinds=("grant",)),
    "1_percent": Criteria(category="one"),
    "adversarial": Criteria(category="opposed"),
}
#: The subjects that lie farthest from what the citizen asks for make up about 2 % of all: the
#: adversarial filter.
OPPOSED_PERCENT = 4  # and every other of their opportunities
CITIZEN = {
    "headline": "Carpenter who loves trees",
    "skills": ["carpentry", "gardening"],
    "wants": [],
}
KEYWORDS = "repair homes of older people and plant street trees on weekends"


def main() -> None:
    print(json.dumps(measure(int(sys.argv[1]))))


def measure(rows: int) -> Figures:
    """Return every figure at this number of opportunities, and of citizens."""
    space = space_for(get_embedder())
    texts = _texts()
    centres = get_embedder().embed(
        [f"{title}. {category}. {text}" for title, _, category, text in texts]
    )
    query = get_embedder().embed([KEYWORDS])[0]
    _forget_indexes(space)
    opposed = np.argsort(centres @ query)[: max(3, len(texts) * OPPOSED_PERCENT // 100)].tolist()
    _fill_opportunities(rows, space.pk, texts, centres, opposed)
    _fill_citizens(space.pk)
    figures = _timed_once(
        "index_build_s", lambda: indexing.build(VectorSpace.objects.get(pk=space.pk))
    )
    refresh_rarity()
    kept_rarity.forget()
    profile = edit(User.objects.get_or_create(phone="+12025550199")[0], CITIZEN)
    upsert([current_profile_vector(profile)])  # as its own task does
    for name, criteria in CASES.items():
        figures |= _search(name, query, criteria, space)
    memory = _Memory()
    for name, criteria in CASES.items():
        figures |= _timed(f"{name}_run", partial(_run, profile, criteria, space))
    figures["run_memory_growth_mb"] = memory.growth_mb()
    figures |= _plain_index(query, space)
    figures |= _old_way(rows, query)
    figures["times_faster_than_the_old_way"] = (
        figures["old_way_run_p50_ms"] / figures["all_run_p50_ms"]
    )
    figures |= _reverse(space)
    figures |= _everyone(space, figures["reverse_p50_ms"])
    matrix = np.tile(centres, (rows // len(centres) + 1, 1))[:rows]
    return figures | _timed(
        "numpy_brute_force", lambda: np.argpartition(-(matrix @ query), DEPTH)[:DEPTH]
    )


# --- What is measured ----------------------------------------------------------------------------


def _search(
    name: str, query: NDArray[np.float32], criteria: Criteria, space: VectorSpace
) -> Figures:
    """Time the search by the plan that the product chooses; measure its recall.

    The recall is against exact search.
    """
    exact = nearest.nearest(
        query, nearest.OPPORTUNITIES, criteria.where(), space, count=DEPTH, plan="exact"
    )
    search = partial(
        nearest.nearest, query, nearest.OPPORTUNITIES, criteria.where(), space, count=DEPTH
    )
    hits = search()
    times = _timed(f"{name}_vector", search)
    return times | {f"{name}_recall_at_100": _recall(hits.ids, exact.ids)}


def _run(profile: Profile, criteria: Criteria, space: VectorSpace) -> None:
    """Carry out a match run without its task and its cache.

    It embeds, retrieves, filters, ranks and saves 100.
    """
    with transaction.atomic():
        found = find(query_for(profile, KEYWORDS, space), criteria, space, count=DEPTH)
        matches = [
            {"opportunity_id": str(one.id), "score": one.score, "reasons": one.reasons}
            for one in found
        ]
        save_matches(profile.user_id, matches)


def _plain_index(query: NDArray[np.float32], space: VectorSpace) -> Figures:
    """Scan the index as pgvector does by default: the filter takes from what the index found."""
    figures: Figures = {}
    for name, criteria in CASES.items():
        exact = nearest.nearest(
            query, nearest.OPPORTUNITIES, criteria.where(), space, count=DEPTH, plan="exact"
        )
        found = _plain_ids(query, criteria, space)
        figures |= _timed(f"plain_hnsw_{name}", partial(_plain_ids, query, criteria, space))
        figures[f"plain_hnsw_{name}_recall_at_100"] = _recall(found, exact.ids)
    return figures


def _plain_ids(query: NDArray[np.float32], criteria: Criteria, space: VectorSpace) -> list[UUID]:
    where, kind, text = criteria.where(), f"halfvec({space.dimensions})", Vector(query).to_text()
    sql = f"""
        SELECT v.opportunity_id FROM matching_opportunityvector AS v
        JOIN matching_opportunity AS o ON o.id = v.opportunity_id
        WHERE v.space_id = {int(space.pk)} AND {IS_OF_ANY_BUILD} AND {where.sql}
        ORDER BY v.embedding::{kind} <=> %s::{kind} LIMIT {DEPTH}
    """
    with transaction.atomic():
        tuned_for_index(DEPTH)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL hnsw.iterative_scan = off")
            cursor.execute(sql, [*where.parameters, text])
            found = [found for (found,) in cursor.fetchall()]
        transaction.set_rollback(True)
    return found


def _old_way(rows: int, query: NDArray[np.float32]) -> Figures:
    """Read all opportunities through the ORM and score them in Python.

    It is measured with some and extrapolated to all.
    """
    measured = min(rows, OLD_WAY_ROWS)
    started = time.perf_counter()
    loaded = list(Opportunity.objects.defer("search").prefetch_related("vectors")[:measured])
    sorted(loaded, key=lambda one: _python_score(one, query))
    return {"old_way_run_p50_ms": (time.perf_counter() - started) * 1000 * rows / measured}


def _python_score(opportunity: Opportunity, query: NDArray[np.float32]) -> float:
    vector = opportunity.vectors.all()[0].embedding
    return -sum(float(a) * float(b) for a, b in zip(vector, query, strict=True))


def _reverse(space: VectorSpace) -> Figures:
    """Find and save the citizens whom one opportunity suits, among as many as opportunities."""
    ids = [str(UUID(int=number)) for number in range(ROUNDS)]
    waiting = iter(ids)

    def find_citizens() -> None:
        with transaction.atomic():
            reverse.find_citizens([next(waiting)])

    figures = _timed("reverse", find_citizens)
    opportunity = Opportunity.objects.get(pk=ids[0])
    vector = np.asarray(opportunity.vectors.get(space=space).embedding, dtype=np.float32)
    found = [user_id for user_id, _ in reverse.nearest_citizens(vector, opportunity, space)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {citizen_index(space)}")  # so that they are all compared
        exact = [user_id for user_id, _ in reverse.nearest_citizens(vector, opportunity, space)]
        transaction.set_rollback(True)
    return figures | {"reverse_recall_at_100": _recall(found, exact)}


def _everyone(space: VectorSpace, nearest_ms: float) -> Figures:
    """Save opportunities as matches of all citizens whose lists of matches are full.

    The last match of these lists scores as that of a sample of citizens.
    """
    sample = Profile.objects.order_by("pk")[:FULL_LISTS]
    floors = [
        find(query_for(one, "", space), Criteria(), space, count=DEPTH)[-1].score for one in sample
    ]
    Profile.objects.update(match_floor=float(np.median(floors)))
    ids = [UUID(int=ROUNDS + number) for number in range(REVERSE_BATCH)]
    memory = _Memory()
    figures = _timed_once("everyone_of_one_s", lambda: _reach(ids[:1]))
    figures |= _timed_once("everyone_of_a_batch_s", lambda: _reach(ids))
    return figures | {
        "everyone_memory_growth_mb": memory.growth_mb(),
        "everyone_saved": Match.objects.filter(opportunity__in=ids).count(),
        "everyone_to_nearest": figures["everyone_of_one_s"] * 1000 / nearest_ms,
        "everyone_in_batch_to_nearest": (
            figures["everyone_of_a_batch_s"] * 1000 / REVERSE_BATCH / nearest_ms
        ),
    }


def _reach(opportunity_ids: list[UUID]) -> None:
    last, is_complete = UUID(int=0), False
    while not is_complete:
        with transaction.atomic():
            citizens = everyone.match_batch(opportunity_ids, after=last)
        is_complete = len(citizens) < everyone.BATCH_CITIZENS
        last = citizens[-1] if citizens else last


def _recall(found: list[UUID], exact: list[UUID]) -> float:
    return len(set(found) & set(exact)) / max(len(exact), 1)


def _timed(name: str, work: Callable[[], object]) -> Figures:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return {f"{name}_p50_ms": percentile(times, 50), f"{name}_p99_ms": percentile(times, 99)}


def _timed_once(name: str, work: Callable[[], object]) -> Figures:
    started = time.perf_counter()
    work()
    return {name: time.perf_counter() - started}


class _Memory:
    """How far the memory of this process rises above what it is now."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text(
            "5"
        )  # the peak is counted from here; Linux, see proc(5)
        self._start_mb = self._read("VmRSS")

    def growth_mb(self) -> float:
        return self._read("VmHWM") - self._start_mb

    @staticmethod
    def _read(name: str) -> float:
        [kilobytes] = re.findall(
            rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE
        )
        return int(kilobytes) / 1024


# --- What it is measured on ----------------------------------------------------------------------


def _texts() -> list[Text]:
    if not REAL_TEXTS.exists():
        return [
            (title, organisation, category, text)
            for _, title, organisation, category, text in OPPORTUNITIES
        ]
    with REAL_TEXTS.open() as lines:
        rows = [json.loads(line) for line in islice(lines, REAL_TEXTS_MAX)]
    names = ("title", "organisation", "category", "description")
    return [tuple(row.get(name) or "" for name in names) for row in rows]  # type: ignore[misc]


def _forget_indexes(space: VectorSpace) -> None:
    """Drop the indexes of vectors: copying into one takes 2 ms a row."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {opportunity_index(space)}, {citizen_index(space)}")


#: Adds so many opportunities, each with the text of one cluster, in turn.
_MULTIPLY = """
    INSERT INTO matching_opportunity (id, kind, title, description, organisation, category,
        requirements, languages, is_remote, places_taken, is_active, source, external_id, version,
        latitude, longitude, created_at, updated_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid,
        CASE WHEN abs(hashint4(n)::bigint) / 100 %% 10 = 3 THEN 'grant'
            ELSE 'volunteering' END,
        title || ' ' || n, description, organisation || n %% 997,
        CASE WHEN number = ANY(%(opposed)s) AND n / %(count)s %% 2 = 0 THEN 'opposed'
             WHEN abs(hashint4(n)::bigint) %% 100 = 7 THEN 'one' ELSE 'other' END,
        '', '{}', false, 0, true, 'bench', n::text, 1, 40 + (n %% 1000) / 1000.0,
        -74 + (n %% 777) / 777.0, now(), now()
    FROM generate_series(0, %(rows)s - 1) AS n JOIN cluster ON cluster.number = n %% %(count)s
"""


def _fill_opportunities(
    rows: int, space_id: int, texts: list[Text], centres: Vectors, opposed: list[int]
) -> None:
    """Replace all opportunities by so many, with vectors."""
    count = len(texts)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE matching_opportunity CASCADE")
        cursor.execute(
            "CREATE TEMP TABLE cluster (number int, title text, organisation text, description "
            "text)"
        )
        cursor.executemany(
            "INSERT INTO cluster VALUES (%s, %s, %s, %s)",
            [
                (i, title[:250], organisation[:180], text[:160])
                for i, (title, organisation, _, text) in enumerate(texts)
            ],
        )
        cursor.execute(_MULTIPLY, {"count": count, "rows": rows, "opposed": opposed})
        _copy_vectors(rows, space_id, texts, centres)
        for table in ("opportunity", "opportunityvector"):
            cursor.execute(f"VACUUM ANALYZE matching_{table}")


def _copy_vectors(rows: int, space_id: int, texts: list[Text], centres: Vectors) -> None:
    packed = [
        Terms.of(f"{title}. {title}. {category}. {text}").pack()
        for title, _, category, text in texts
    ]
    count, rng = len(centres), np.random.default_rng(1)
    columns = "opportunity_id, space_id, embedding, terms, version"
    sql = f"COPY matching_opportunityvector ({columns}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        copy.set_types(["uuid", "int8", "bytea", "bytea", "int4"])
        for start in range(0, rows, CHUNK_ROWS):
            numbers = np.arange(start, min(start + CHUNK_ROWS, rows))
            others, shares = (
                rng.integers(count, size=(2, len(numbers))),
                rng.uniform(0, 0.6, (2, len(numbers), 1)),
            )
            noise = rng.normal(size=(len(numbers), centres.shape[1])) * 0.02
            mixed = centres[numbers % count] + (shares * centres[others]).sum(axis=0) + noise
            vectors = unit_rows(mixed.astype(np.float32)).astype(">f4")
            for number, vector in zip(numbers.tolist(), vectors, strict=True):
                binary = (
                    struct.pack(">HH", len(vector), 0) + vector.tobytes()
                )  # as pgvector receives one
                copy.write_row((UUID(int=number), space_id, binary, packed[number % count], 1))


def _fill_citizens(space_id: int) -> None:
    """Make as many citizens as opportunities, each with the vector of one."""
    statements = (
        "TRUNCATE matching_profile CASCADE",
        "DELETE FROM accounts_user WHERE phone LIKE '+88%'",
        """
        INSERT INTO accounts_user (id, password, is_superuser, phone, email, name, locale,
            wants_sms, wants_report_sms, reputation,
            is_active, is_staff, tokens_valid_after, date_joined)
        SELECT id, '!', false, '+88' || lpad((row_number() OVER ())::text, 10, '0'), '', '', 'en',
            false, false, 0, true,
            false, now(), now()
        FROM matching_opportunity
        """,
        """
        INSERT INTO matching_profile (id, user_id, headline, about, skills, interests, wants,
            availability, languages,
            visibility, version, latitude, longitude, radius_km)
        SELECT id, id, title, '', '{}', '{}', '{}', '', '{}', 'private', 1, latitude, longitude, 50
        FROM matching_opportunity
        """,
        f"""
        INSERT INTO matching_profilevector (profile_id, space_id, embedding, terms, version, facets)
        SELECT opportunity_id, space_id, embedding, terms, 1, '' FROM matching_opportunityvector
        WHERE space_id = {int(space_id)}
        """,
    )
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        for table in ("accounts_user", "matching_profile", ProfileVector._meta.db_table):  # noqa: SLF001 - documented
            cursor.execute(f"VACUUM ANALYZE {table}")


if __name__ == "__main__":
    settings.DEBUG = False  # which would keep every statement
    main()
