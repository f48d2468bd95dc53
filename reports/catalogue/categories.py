"""Read categories with their departments by prepared statements, as every new report needs one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.ledger import rows
from jobs.ledger.database import fetch
from reports.models import Category, Department
from reports.models.catalogue import CATEGORY_TEXTS

#: Of the tables named `category` and `department`, as `category_of` expects them.
CATEGORY_COLUMNS = (
    f"{rows.columns(Category, 'category', without=CATEGORY_TEXTS)}, "
    f"{rows.columns(Department, 'department')}"
)
_WIDTH = rows.width(Category, without=CATEGORY_TEXTS)
_BY_ID = f"""
    SELECT {CATEGORY_COLUMNS} FROM reports_category AS category
    JOIN reports_department AS department ON department.id = category.department_id
    WHERE category.id = %s
"""  # noqa: S608 - names of columns


def with_id(category_id: int | None) -> Category | None:
    """Return a category with its department, without the texts for the classifier."""
    found = fetch(_BY_ID, (category_id,), is_prepared=True) if category_id is not None else []
    return category_of(found[0]) if found else None


def category_of(values: Sequence[Any]) -> Category | None:
    """Return the category of these values of CATEGORY_COLUMNS; None where they are all NULL."""
    if values[0] is None:
        return None
    category = rows.loaded(Category, values[:_WIDTH], without=CATEGORY_TEXTS)
    category.department = rows.loaded(Department, values[_WIDTH:])
    return category
