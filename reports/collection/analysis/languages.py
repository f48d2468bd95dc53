"""Detect the language of a post with py3langid, which ships its model.

Source: M. Lui, T. Baldwin, "langid.py: An Off-the-shelf Language Identification Tool", ACL 2012.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings

#: Texts with fewer letters say too little.
SHORTEST_LETTERS = 8
#: Below this probability the language counts as unknown.
LEAST_PROBABILITY = 0.4


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of the text's language; "" where it is uncertain."""
    if sum(map(str.isalpha, text)) < SHORTEST_LETTERS and text.isascii():
        return ""
    language, probability = _identifier().classify(text)
    return str(language) if probability >= LEAST_PROBABILITY else ""


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """Load the model, about 100 MB of memory, for the languages of COLLECTION_LANGUAGES."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - only in workers

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(settings.COLLECTION_LANGUAGES)
    return identifier
