"""Send several statements of a transaction to PostgreSQL as one.

A round trip to PostgreSQL takes more time than storing a row. So a statement whose result the code
does not need at once is handed over as a `Part`, and inside a `together` block all parts are sent
as one statement at its end:

    WITH part_0 AS (INSERT …), part_1 AS (INSERT …) SELECT …

Every part sees the tables as they were before that statement, and none the rows of another. So two
parts must not touch the same row: of two changes PostgreSQL applies one, and an update finds no row
that another part inserts. In which order they are applied is open. Foreign keys and triggers are
served as always. Any other statement in the block first sends the parts that were handed over
before it, so that it misses nothing; COPY and psycopg's own cursors pass by them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from jobs.ledger.database import execute, fetch

Values = tuple[Any, ...]
#: Queries before a statement, by their names; its SQL; the columns that it returns, None if it does
#: not matter whether it stored anything.
Shape = tuple[tuple[tuple[str, str], ...], str, tuple[str, ...] | None]
#: A statement of so many parts is sent without waiting for more: each other number of parts is
#: another statement to plan.
PARTS_MAX = 16


@dataclass(frozen=True, slots=True)
class Part:
    """An INSERT or UPDATE without RETURNING and with `%s` for parameters.

    `queries` come before it as common table expressions; their names are those of no other part.
    The parameters are in the order of the text. With `then` it is about one row at most: `then`
    gets the values of the columns `returning` once the row is stored, or None where none was.
    """

    sql: str
    parameters: Sequence[Any]
    returning: tuple[str, ...] = ()
    then: Callable[[Values | None], None] | None = None
    queries: tuple[tuple[str, str], ...] = ()

    @property
    def shape(self) -> Shape:
        return self.queries, self.sql, self.returning if self.then else None


@dataclass(slots=True)
class _Collection:
    """The parts that were handed over in a block and not sent yet."""

    parts: list[Part] = field(default_factory=list)
    is_passed_by: bool = False

    def add(self, part: Part) -> None:
        if len(self.parts) == PARTS_MAX or self._names & {name for name, _ in part.queries}:
            self.send()
        self.parts.append(part)

    @property
    def _names(self) -> set[str]:
        return {name for part in self.parts for name, _ in part.queries}

    def send(self) -> None:
        """Send the parts, and those that are handed over meanwhile.

        Where that fails nothing of the transaction may be committed, even if somebody up the stack
        takes the error for one of their own: the parts are lost.
        """
        while self.parts:
            parts, self.parts = self.parts, []
            try:
                _run(parts)
            except BaseException:
                transaction.set_rollback(True)
                raise

    def send_before(
        self, run: Callable[..., Any], sql: Any, parameters: Any, many: bool, context: Any
    ) -> Any:
        """Run another statement of the block after the parts; this is a wrapper of Django's.

        What was handed over before a savepoint is sent before it, so that a return to the savepoint
        takes back what came after it alone.
        """
        command = sql if isinstance(sql, str) else ""
        if command.startswith("ROLLBACK"):  # to the last savepoint
            self.parts.clear()
        elif not self.is_passed_by or command.startswith("SAVEPOINT"):
            self.send()
        return run(sql, parameters, many, context)


_present: ContextVar[_Collection | None] = ContextVar("civiclens_together", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Send the parts that are handed over inside the `with` block as one statement at its end.

    An inner block belongs to the outer one. An error in the block drops what was not sent.

    Raises:
        RuntimeError: no transaction is open.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Statements go together within a transaction.")
    if _present.get() is not None:
        yield
        return
    collection = _Collection()
    mark = _present.set(collection)
    try:
        with connection.execute_wrapper(collection.send_before):
            yield
            collection.send()
    finally:
        _present.reset(mark)


@contextmanager
def apart() -> Iterator[None]:
    """Run the statements inside the `with` block without sending the parts before them.

    This is for reading rows that the parts do not change. A savepoint sends them nevertheless.
    """
    collection = _present.get()
    if collection is None or collection.is_passed_by:
        yield
        return
    collection.is_passed_by = True
    try:
        yield
    finally:
        collection.is_passed_by = False


def send(part: Part) -> None:
    """Send a part with the others of the `together` block; outside of one, send it now."""
    collection = _present.get()
    if collection is not None:
        collection.add(part)
    else:
        _run([part])


def send_now(part: Part) -> None:
    """Send a part alone, also inside a `together` block."""
    _run([part])


def named(sql: str, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return SQL with `%s` for its named parameters, and their values in the order of the text."""
    text, names = _placed(sql)
    return text, [values[name] for name in names]


@lru_cache(maxsize=64)
def _placed(sql: str) -> tuple[str, tuple[str, ...]]:
    return _NAMED.sub("%s", sql), tuple(_NAMED.findall(sql))


_NAMED = re.compile(r"%\((\w+)\)s")


def _run(parts: Sequence[Part]) -> None:
    """Send parts as one statement, and pass on what each has stored."""
    if len(parts) == 1 and not parts[0].queries:
        _run_alone(parts[0])
        return
    sql = _statement(tuple(part.shape for part in parts))
    values = list(itertools.chain.from_iterable(part.parameters for part in parts))
    [row] = fetch(sql, values, is_prepared=True)
    rest = iter(row)
    for part in parts:
        if part.then is not None:
            is_stored, *stored = itertools.islice(rest, 1 + len(part.returning))
            part.then(tuple(stored) if is_stored else None)


def _run_alone(part: Part) -> None:
    if part.then is None:
        execute(part.sql, part.parameters, is_prepared=True)
        return
    sql = f"{part.sql} RETURNING {', '.join(part.returning) or '1'}"
    rows = fetch(sql, part.parameters, is_prepared=True)
    part.then(rows[0] if rows else None)


@lru_cache(maxsize=256)
def _statement(shapes: tuple[Shape, ...]) -> str:
    """Return one statement that runs parts of these shapes; its row has the values of all."""
    steps, answers = [], []
    for number, (queries, sql, returning) in enumerate(shapes):
        steps += [f"{name} AS ({query})" for name, query in queries]
        columns = ", ".join(returning or ()) or "1"
        steps.append(f"part_{number} AS ({sql} RETURNING {columns})")
        if returning is not None:
            answers.append(f"EXISTS (SELECT FROM part_{number})")
            answers += [f"(SELECT {column} FROM part_{number})" for column in returning]  # noqa: S608 - names of columns
    return f"WITH {', '.join(steps)} SELECT {', '.join(answers) or '1'}"
