"""Reading of codes that people type."""

from __future__ import annotations

import unicodedata

#: Spaces, dashes and invisible marks, which a person or an app's clipboard puts between digits.
_SEPARATORS = {"Zs", "Cc", "Cf", "Pd"}


def digits_typed(text: str) -> str:
    """Return a typed code without spaces and dashes, and with digits of any script as 0 to 9."""
    characters = (char for char in text if unicodedata.category(char) not in _SEPARATORS)
    return "".join(str(unicodedata.decimal(char, char)) for char in characters)
