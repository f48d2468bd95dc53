"""The ordinary indexes of opportunities, by place, kind, category, time and text.

Migrations build them. A build that was interrupted leaves an invalid index, which PostgreSQL
maintains and never uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import structlog
from django.db import connection
from django.db.backends.postgresql.schema import DatabaseSchemaEditor

from matching.models import Opportunity
from matching.search.indexes import is_valid

log = structlog.get_logger(__name__)


def repair(on_step: Callable[[], object] = lambda: None) -> list[str]:
    """Build the indexes of the model of opportunities that are missing or invalid.

    Returns their names. Reads and writes go on meanwhile. Must run outside a transaction.
    """
    repaired = []
    for index in Opportunity._meta.indexes:  # noqa: SLF001 - documented
        if is_valid(index.name):
            continue
        on_step()
        log.warning("matching.supporting_index_repaired", index=index.name)
        with connection.schema_editor(atomic=False) as plain_editor:
            editor = cast("DatabaseSchemaEditor", plain_editor)
            editor.remove_index(Opportunity, index, concurrently=True)
            editor.add_index(Opportunity, index, concurrently=True)
        repaired.append(index.name)
    return repaired
