"""Lists of words, one entry a line; lines that begin with `#` are comments."""

from __future__ import annotations

from importlib.resources import files


def read_lines(name: str) -> list[str]:
    """Return the entries of the list in the file `name` of this folder."""
    text = files(__name__).joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
