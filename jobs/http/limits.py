"""Exact rate limits, shared by all processes through PostgreSQL: one atomic statement a hit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from jobs.ledger.database import fetch

# A window begins with its first hit. Counting stops at limit + 1, so that the counter cannot
# overflow.
_HIT = """
INSERT INTO jobs_ratelimit AS held (key, hits, window_ends_at)
SELECT %s, 1, statement_timestamp() + make_interval(secs => %s) {admission}
ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN held.window_ends_at <= statement_timestamp() THEN 1 ELSE LEAST(held.hits + 1,
        %s + 1) END,
    window_ends_at = CASE WHEN held.window_ends_at <= statement_timestamp()
        THEN excluded.window_ends_at
                          ELSE held.window_ends_at END
RETURNING hits, EXTRACT(EPOCH FROM window_ends_at - statement_timestamp()) AS seconds_left
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `limit` hits on `key` in a window of `period`."""

    key: str
    limit: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """The outcome of one hit: whether it is allowed, and how many more are.

    `retry_after` is the number of whole seconds to wait where it is refused, `rule` the rule that
    refused it, or else the last one counted.
    """

    allowed: bool
    remaining: int
    retry_after: int
    rule: Rule | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The rule that refused a hit, and the number of whole seconds to wait."""

    rule: Rule
    retry_after: int


def hit(key: str, limit: int, period: timedelta) -> Limit:
    """Count one hit on `key` and return whether it is allowed.

    Exactly `limit` hits are allowed in a window of `period`, which begins with the first one. The
    count is committed on return, whatever becomes of the request, and its row is locked no longer
    than this call. So call it before `transaction.atomic()` begins.

    Raises:
        RuntimeError: a transaction is open.
    """
    return hit_in_turn([Rule(key, limit, period)])


def hit_in_turn(rules: Sequence[Rule]) -> Limit:
    """Count one hit on each key until one refuses; return the outcome for the last key reached.

    It is one statement. Hits that the first rule refuses do not use up what later rules allow to
    others. The keys must differ, and every caller must pass its kinds of keys in the same order, or
    two calls could deadlock.

    Raises:
        RuntimeError: a transaction is open.
    """
    with transaction.atomic(durable=True):
        return _count(rules)[1]


def refusal_with_effect(rules: Sequence[Rule]) -> Refusal | None:
    """Count one hit on each key within the open transaction; return the refusal, if any.

    For limits on what is created: a request that is invalid, refused or a repetition uses up
    nothing, since the hits are undone with its transaction. Raise an error for a refusal, so that
    the transaction rolls back. The keys stay locked until it ends and other requests with the same
    keys wait, so keep it short.

    Raises:
        RuntimeError: no transaction is open.
    """
    counts = counts_with_effect(rules)
    return counts if isinstance(counts, Refusal) else None


def counts_with_effect(rules: Sequence[Rule]) -> list[int] | Refusal:
    """Count as `refusal_with_effect` does; return each key's hits, with this one, or the refusal.

    Raises:
        RuntimeError: no transaction is open.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Hits with an effect count within the transaction of that effect.")
    counts, limit = _count(rules)
    if limit.allowed or limit.rule is None:
        return counts
    return Refusal(limit.rule, limit.retry_after)


def _count(rules: Sequence[Rule]) -> tuple[list[int], Limit]:
    """Apply the rules in order until one refuses.

    Return the hits on each key that was reached, and the outcome of the last one.
    """
    statement, values = _in_turn(rules)
    rows = fetch(statement, values, is_prepared=True)
    reached, hits, seconds_left = rows[-1]
    counts, rule = [row[1] for row in rows], rules[reached]
    if hits <= rule.limit:
        return counts, Limit(allowed=True, remaining=rule.limit - hits, retry_after=0, rule=rule)
    wait = max(1, math.ceil(seconds_left))
    return counts, Limit(allowed=False, remaining=0, retry_after=wait, rule=rule)


def digest(key: str) -> str:
    """Return the digest of a key that is stored; no phone number or address can be read from it."""
    return hashlib.sha256(key.encode()).hexdigest()


def _in_turn(rules: Sequence[Rule]) -> tuple[str, list[Any]]:
    """Return the SQL and its values that count a hit for each rule, until one refuses.

    Each rule is one common table expression, which reads the one before it.
    """
    steps: list[str] = []
    values: list[Any] = []
    for index, rule in enumerate(rules):
        admission = (
            f"FROM hit_{index - 1} WHERE hits <= {rules[index - 1].limit:d}" if index else ""
        )
        steps.append(f"hit_{index} AS ({_HIT.format(admission=admission)})")
        values += [digest(rule.key), rule.period.total_seconds(), rule.limit]
    reached = " UNION ALL ".join(
        f"SELECT {index} AS rule, * FROM hit_{index}"  # noqa: S608 - numbers only
        for index in range(len(rules))
    )
    return f"WITH {', '.join(steps)} {reached} ORDER BY rule", values
