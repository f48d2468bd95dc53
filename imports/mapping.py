"""The notation in which a person says which column holds which field: `title=summary,…`."""

from __future__ import annotations

from imports.errors import ImportFileError


def columns_from(text: str) -> dict[str, str]:
    """Return field → column.

    Raises:
        ImportFileError: the text is malformed, or names a field twice.
    """
    columns: dict[str, str] = {}
    for pair in filter(str.strip, text.replace("\n", ",").split(",")):
        field, _, column = (part.strip() for part in pair.partition("="))
        if not field or not column or field in columns:
            raise ImportFileError(
                f"A map is FIELD=COLUMN,… with each field once; not {pair.strip()[:80]!r}."
            )
        columns[field] = column
    return columns
