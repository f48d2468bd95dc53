"""The records that every reader of files yields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

#: A longer record is rejected. The longest text of any importer is less than half as long.
RECORD_MAX_CHARACTERS = 1_000_000
#: How much of an unreadable record is written to the file of rejects.
EXCERPT_CHARACTERS = 2_000
TOO_LONG = "longer than a million characters"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file.

    `fault` says why it cannot be read; then `values` holds the beginning of its text. The names of
    `values` are folded by `fold_name`. `line` is the line on which the record begins, in files that
    have lines.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    line: int | None = None


def unreadable(raw: str, fault: str, line: int | None = None) -> Record:
    """Return a record with a fault and the beginning of its text."""
    return Record({"record": raw[:EXCERPT_CHARACTERS]}, fault, line)


@lru_cache(maxsize=4096)
def fold_name(name: str) -> str:
    """Return a column's name in one spelling for comparison: `Created At` becomes `created_at`."""
    return "_".join(name.replace("-", " ").replace("_", " ").casefold().split())


def repeated_names(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once; empty names may."""
    seen: set[str] = set()
    repeated = []
    for name in names:
        if name and name in seen and name not in repeated:
            repeated.append(name)
        seen.add(name)
    return repeated


def is_decoded(text: str) -> bool:
    """Return False if the text holds a byte that was not valid in the file's encoding.

    It must have been decoded with `surrogateescape`, which turns such a byte into a lone surrogate.
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate stands for a byte that could not be decoded
        return False
    return True
