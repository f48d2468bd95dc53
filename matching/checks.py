"""System checks of matching: the version of pgvector, and the settings VECTOR_*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own names

from matching.vectors.indexing import PGVECTOR_MINIMUM, pgvector_version

INDEX_TYPES = ("hnsw", "ivfflat", "none")


@register(Tags.database)
def check_pgvector(databases: Sequence[str] | None = None, **_options: Any) -> list[CheckMessage]:
    """Warn of a pgvector with known faults.

    Before 0.8.4 vacuum corrupts HNSW indexes and parallel builds overflow.
    """
    if not databases:
        return []
    version = pgvector_version()
    if not version or version >= PGVECTOR_MINIMUM:
        return []
    installed = ".".join(map(str, version))
    return [
        Warning(
            f"pgvector {installed} is older than {'.'.join(map(str, PGVECTOR_MINIMUM))}.",
            hint="Install a newer pgvector and run ALTER EXTENSION vector UPDATE.",
            id="matching.W001",
        )
    ]


@register()
def check_settings(**_options: Any) -> list[CheckMessage]:
    """Check that the settings VECTOR_* are within the bounds of pgvector."""
    errors: list[CheckMessage] = []
    if settings.VECTOR_INDEX_TYPE not in INDEX_TYPES:
        errors.append(
            Error(
                "VECTOR_INDEX_TYPE is unknown.",
                hint=f"Choose one of {', '.join(INDEX_TYPES)}.",
                id="matching.E001",
            )
        )
    bounds = {
        "VECTOR_HNSW_M": (2, 100),
        "VECTOR_HNSW_EF_CONSTRUCTION": (4, 1000),
        "VECTOR_HNSW_EF_SEARCH": (1, 1000),
        "VECTOR_IVF_LISTS": (0, 32_768),
        "VECTOR_IVF_PROBES": (1, 32_768),
    }
    for name, (least, most) in bounds.items():
        if not least <= getattr(settings, name) <= most:
            errors.append(
                Error(
                    f"{name} is out of range.",
                    hint=f"Choose a number from {least} to {most}.",
                    id="matching.E002",
                )
            )
    if settings.VECTOR_HNSW_EF_CONSTRUCTION < 2 * settings.VECTOR_HNSW_M:
        errors.append(
            Error(
                "VECTOR_HNSW_EF_CONSTRUCTION is less than twice VECTOR_HNSW_M.",
                hint="pgvector refuses to build such an index.",
                id="matching.E003",
            )
        )
    return errors
