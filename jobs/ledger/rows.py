"""Store and read single rows of any app's models by prepared statements.

For what every report needs: the ORM builds each statement anew and PostgreSQL plans each anew,
which together cost more than the row itself. No signal is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Now

from jobs.ledger.database import Parameters, execute, fetch

M = TypeVar("M", bound=Model)
Names = tuple[str, ...]
_NOW = "STATEMENT_TIMESTAMP()"


def insert(row: Model, *, ignores_conflicts: bool = False) -> bool:
    """Insert a new row; return whether it was stored. What PostgreSQL fills in is set on the row.

    With `ignores_conflicts` a row that breaks a unique constraint is not stored. A value is a plain
    one or `Now()`.
    """
    fields = _fields(type(row))
    values = [field.pre_save(row, True) for field in fields]
    kinds = tuple(map(_kind, fields, values))
    sql = _insert_sql(type(row), kinds, ignores_conflicts)
    filled = fetch(sql, _parameters(fields, values, kinds), is_prepared=True)
    if not filled:
        return False
    chosen = (field for field, kind in zip(fields, kinds, strict=True) if kind != "%s")
    for field, value in zip(chosen, filled[0], strict=False):
        setattr(row, field.attname, value)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 - as `save` does
    return True


def update(row: Model, names: Iterable[str]) -> None:
    """Store the fields of these names of a row that is there, as `save(update_fields=names)`.

    Raises:
        ObjectDoesNotExist: the row has gone; the model's own subclass of it.
    """
    named = set(names)
    fields = [one for one in _fields(type(row)) if {one.name, one.attname} & named]
    values = [field.pre_save(row, False) for field in fields]
    kinds = tuple(map(_kind, fields, values))
    sql = _update_sql(type(row), tuple(field.column for field in fields), kinds)
    if not execute(sql, [*_parameters(fields, values, kinds), row.pk], is_prepared=True):
        raise type(row).DoesNotExist  # type: ignore[attr-defined]


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
def _insert_sql(model: type[Model], kinds: tuple[str, ...], ignores_conflicts: bool) -> str:
    fields = _fields(model)
    names = ", ".join(f'"{field.column}"' for field in fields)
    filled = [
        f'"{field.column}"' for field, kind in zip(fields, kinds, strict=True) if kind != "%s"
    ]
    conflict = " ON CONFLICT DO NOTHING" if ignores_conflicts else ""
    return (
        f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({", ".join(kinds)}){conflict}'  # noqa: S608, SLF001 - names of columns
        f" RETURNING {', '.join(filled) or '1'}"
    )


@lru_cache(maxsize=256)
def _update_sql(model: type[Model], names: tuple[str, ...], kinds: tuple[str, ...]) -> str:
    changes = ", ".join(f'"{name}" = {kind}' for name, kind in zip(names, kinds, strict=True))
    key = next(field.column for field in _fields(model) if field.primary_key)
    return f'UPDATE "{model._meta.db_table}" SET {changes} WHERE "{key}" = %s'  # noqa: S608, SLF001 - names of columns


@lru_cache(maxsize=64)
def _select_sql(model: type[Model]) -> str:
    table = model._meta.db_table  # noqa: SLF001 - documented
    return f'SELECT {columns(model, table)} FROM "{table}"'  # noqa: S608 - names of columns
