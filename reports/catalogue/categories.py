"""Read categories with their departments by prepared statements, as every new report needs one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.ledger import rows
from reports.models import Category, Department
from reports.models.catalogue import CATEGORY_TEXTS

_WIDTH, _OF_DEPARTMENT = rows.width(Category, without=CATEGORY_TEXTS), rows.width(Department)
#: The number of values that `category_of` expects.
CATEGORY_WIDTH = _WIDTH + 2 * _OF_DEPARTMENT


def category_table(alias: str) -> str:
    """Return SQL that joins the categories of this name with their departments.

    Each comes with the department above it, whose hours and deadlines may apply.
    """
    department, above = _departments(alias)
    return (
        f"(reports_category AS {alias}"
        f" JOIN reports_department AS {department} ON {department}.id = {alias}.department_id"
        f" LEFT JOIN reports_department AS {above} ON {above}.id = {department}.parent_id)"
    )


def category_columns(alias: str) -> str:
    """Return the columns of a `category_table` that `category_of` expects.

    They are without the texts for the classifier.
    """
    own = rows.columns(Category, alias, without=CATEGORY_TEXTS)
    of_departments = [rows.columns(Department, name) for name in _departments(alias)]
    return ", ".join([own, *of_departments])


def _departments(alias: str) -> tuple[str, str]:
    return f"department_of_{alias}", f"department_above_{alias}"


def category_of(values: Sequence[Any]) -> Category | None:
    """Return the category of these values of `category_columns`; None where they are all NULL."""
    if values[0] is None:
        return None
    category = rows.loaded(Category, values[:_WIDTH], without=CATEGORY_TEXTS)
    department, above = values[_WIDTH:-_OF_DEPARTMENT], values[-_OF_DEPARTMENT:]
    category.department = rows.loaded(Department, department)
    if above[0] is not None:
        category.department.parent = rows.loaded(Department, above)
    return category
