"""Store and read single rows of any app's models by prepared statements.

For what every report needs: the ORM builds each statement anew and PostgreSQL plans each anew,
which together cost more than the row itself. No signal is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Now

from jobs.ledger import together
from jobs.ledger.database import Parameters, fetch
from jobs.ledger.together import Part, Values

M = TypeVar("M", bound=Model)
Names = tuple[str, ...]
_NOW = "STATEMENT_TIMESTAMP()"


def insert(row: Model, *, ignores_conflicts: bool = False) -> bool:
    """Insert a new row; return whether it was stored. What PostgreSQL fills in is set on the row.

    With `ignores_conflicts` a row that breaks a unique constraint is not stored. A value is a plain
    one or `Now()`.
    """
    part, filled = _insertion(row)
    conflict = " ON CONFLICT DO NOTHING" if ignores_conflicts else ""
    columns_filled = ", ".join(part.returning) or "1"
    sql = f"{part.sql}{conflict} RETURNING {columns_filled}"
    stored = fetch(sql, part.parameters, is_prepared=True)
    if stored:
        _fill(row, filled, stored[0])
    return bool(stored)


def insert_together(row: Model) -> None:
    """Insert a new row with the other parts of a `together` block; outside of one, insert it now.

    What PostgreSQL fills in is set on the row once it is stored. As `insert` in all else.
    """
    part, filled = _insertion(row)
    together.send(replace(part, then=lambda values: _fill(row, filled, values or ())))


def _insertion(row: Model) -> tuple[Part, Sequence[Field[Any, Any]]]:
    """Return the INSERT of a row, and the fields that PostgreSQL fills in and it returns."""
    fields = _fields(type(row))
    values = [field.pre_save(row, True) for field in fields]
    kinds = tuple(map(_kind, fields, values))
    filled = [field for field, kind in zip(fields, kinds, strict=True) if kind != "%s"]
    sql, returning = _insert_sql(type(row), kinds)
    return Part(sql, _parameters(fields, values, kinds), returning), filled


def _fill(row: Model, fields: Iterable[Field[Any, Any]], values: Iterable[Any]) -> None:
    for field, value in zip(fields, values, strict=False):
        setattr(row, field.attname, value)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 - as `save` does


def update(row: Model, names: Iterable[str]) -> None:
    """Store the fields of these names of a row that is there, as `save(update_fields=names)`.

    It goes with the other parts of a `together` block; outside of one, now.

    Raises:
        ObjectDoesNotExist: when it is sent and the row has gone; the model's own subclass of it.
    """
    named = set(names)
    fields = [field for field in _fields(type(row)) if {field.name, field.attname} & named]
    values = [field.pre_save(row, False) for field in fields]
    kinds = tuple(map(_kind, fields, values))
    sql = _update_sql(type(row), tuple(field.column for field in fields), kinds)

    def check(stored: Values | None) -> None:
        if stored is None:
            raise type(row).DoesNotExist  # type: ignore[attr-defined]

    together.send(Part(sql, [*_parameters(fields, values, kinds), row.pk], then=check))


def select(model: type[M], condition: str, parameters: Parameters) -> list[M]:
    """Return the rows that meet a condition in SQL, which may end with an order or a lock."""
    sql = f"{_select_sql(model)} WHERE {condition}"
    return [loaded(model, values) for values in fetch(sql, parameters, is_prepared=True)]


def loaded(model: type[M], values: Sequence[Any], *, without: Names = ()) -> M:
    """Return an instance of these values, which are in the order of `columns`."""
    names = [field.attname for field in _fields(model, without)]
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


@lru_cache(maxsize=64)
def columns(model: type[Model], alias: str, *, without: Names = ()) -> str:
    """Return the columns of a model as SQL selects them from a table of this name.

    Those of the fields `without` are read when they are first needed.
    """
    return ", ".join(f'{alias}."{field.column}"' for field in _fields(model, without))


def width(model: type[Model], *, without: Names = ()) -> int:
    """Return the number of columns that `columns` names."""
    return len(_fields(model, without))


@lru_cache(maxsize=64)
def _fields(model: type[Model], without: Names = ()) -> tuple[Field[Any, Any], ...]:
    return tuple(field for field in model._meta.concrete_fields if field.name not in without)  # noqa: SLF001 - documented


def _kind(field: Field[Any, Any], value: Any) -> str:
    """Return the SQL of a value: a parameter, unless PostgreSQL provides it."""
    is_counted = value is None and field.primary_key
    if is_counted or isinstance(value, DatabaseDefault):
        return "DEFAULT"
    return _NOW if isinstance(value, Now) else "%s"


def _parameters(
    fields: Sequence[Field[Any, Any]], values: Sequence[Any], kinds: Sequence[str]
) -> list[Any]:
    return [
        field.get_db_prep_save(value, connection)
        for field, value, kind in zip(fields, values, kinds, strict=True)
        if kind == "%s"
    ]


@lru_cache(maxsize=256)
def _insert_sql(model: type[Model], kinds: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the INSERT of a row with these kinds of values, and the columns to return."""
    fields = _fields(model)
    names = ", ".join(f'"{field.column}"' for field in fields)
    filled = [
        f'"{field.column}"' for field, kind in zip(fields, kinds, strict=True) if kind != "%s"
    ]
    sql = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({", ".join(kinds)})'  # noqa: S608, SLF001 - names of columns
    return sql, tuple(filled)


@lru_cache(maxsize=256)
def _update_sql(model: type[Model], names: tuple[str, ...], kinds: tuple[str, ...]) -> str:
    changes = ", ".join(f'"{name}" = {kind}' for name, kind in zip(names, kinds, strict=True))
    key = next(field.column for field in _fields(model) if field.primary_key)
    return f'UPDATE "{model._meta.db_table}" SET {changes} WHERE "{key}" = %s'  # noqa: S608, SLF001 - names of columns


@lru_cache(maxsize=64)
def _select_sql(model: type[Model]) -> str:
    table = model._meta.db_table  # noqa: SLF001 - documented
    return f'SELECT {columns(model, table)} FROM "{table}"'  # noqa: S608 - names of columns
