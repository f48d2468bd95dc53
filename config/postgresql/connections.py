"""How processes connect to PostgreSQL: the entries of DATABASES that the settings make."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured

#: A server that vanished without a word is noticed within half a minute.
PATIENCE = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
#: What says where a server is.
PLACE = ("HOST", "PORT", "NAME", "USER", "PASSWORD")
Database = dict[str, Any]


class Pool(NamedTuple):
    """The connections that the threads of a web process share; no pool if `max_size` is 0."""

    min_size: int
    max_size: int
    timeout: float  # seconds that a request waits for a connection
    max_idle: float  # seconds after which an idle one is closed


def database(url: Database, *, max_age: int, is_preparing: bool) -> Database:
    """Return the entry for the database of a URL, whose own options win.

    A thread keeps its connection for `max_age` seconds. `is_preparing` says whether statements may
    be prepared.
    """
    return url | {
        "ENGINE": "config.postgresql",
        "CONN_MAX_AGE": max_age,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _options(url, is_preparing=is_preparing),
    }


def direct(url: Database, *, is_preparing: bool) -> Database:
    """Return what differs in the entry for the same database past a pooler."""
    place = {name: url[name] for name in PLACE}
    return place | {"OPTIONS": _options(url, is_preparing=is_preparing)}


def _options(url: Database, *, is_preparing: bool) -> dict[str, Any]:
    return {
        **PATIENCE,
        # Only statements that ask for it are prepared: the hottest ones. PostgreSQL would plan each
        # anew five times before it keeps a plan, which most never reach before they are prepared
        # again.
        "prepare_threshold": 0 if is_preparing else None,
        "options": "-c plan_cache_mode=force_generic_plan",
        **url.get("OPTIONS", {}),
    }


def for_web(database: Database, *, statement_seconds: float, pool: Pool) -> Database:
    """Return the entry for a web process: its statements have a limit, its threads share a pool.

    Raises:
        ImproperlyConfigured: the pool's sizes contradict each other.
    """
    if statement_seconds > 0:
        database = _limited(database, statement_seconds)
    return _pooled(database, pool) if pool.max_size > 0 else database


def _limited(database: Database, seconds: float) -> Database:
    options = database["OPTIONS"]
    limit = f"-c statement_timeout={int(seconds * 1000)}"
    given = options.get("options", "")
    return database | {"OPTIONS": options | {"options": f"{given} {limit}".strip()}}


def _pooled(database: Database, pool: Pool) -> Database:
    if pool.min_size > pool.max_size:
        raise ImproperlyConfigured("DB_POOL_MIN_SIZE is larger than DB_POOL_MAX_SIZE.")
    return database | {
        # The backend looks whether a connection is still open, without a statement.
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": database["OPTIONS"] | {"pool": pool._asdict()},
    }
