"""Translated texts of the catalogue, and the choice of the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible
from django.utils.translation.trans_real import parse_accept_lang_header

from jobs.plain_text import paragraphs

#: A language tag of BCP 47, such as `es` or `pt-BR`.
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
TEXT_MAX_CHARACTERS = 2000


@deconstructible
class TranslationsValidator:
    """Accepts `{"es": {"name": "Bache"}}` with no other fields than `fields`."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TranslationsValidator) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __call__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError(
                'Expected languages and texts, such as {"es": {"name": "Bache"}}.'
            )
        for language, texts in value.items():
            self._check(language, texts)

    def _check(self, language: Any, texts: Any) -> None:
        if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
            raise ValidationError(
                f'{language!r} is no language; write its tag in quotes, such as "es".'
            )
        if not isinstance(texts, dict) or set(texts) - set(self.fields):
            raise ValidationError(f"{language}: expected {', '.join(self.fields)}.")
        for name, text in texts.items():
            lines = text if name == "examples" and isinstance(text, list) else [text]
            if not all(map(_is_plain, lines)):
                raise ValidationError(
                    f"{language}: {name} is no text, or one with characters that cannot be seen."
                )


def _is_plain(text: Any) -> bool:
    """Return whether it is a text without characters that would be removed."""
    if not isinstance(text, str) or not 0 < len(text.strip()) <= TEXT_MAX_CHARACTERS:
        return False
    return paragraphs(text) == text.strip()


def preferred(accepted: str, offered: Iterable[str], *, default: str) -> str:
    """Return the offered language that suits this `Accept-Language` header best.

    A reader of `pt-BR` may get `pt`. If no language suits, return the default.
    """
    by_lower = {language.lower(): language for language in [*offered, default]}
    for language, _weight in parse_accept_lang_header(accepted.lower()):
        for tag in (language, language.partition("-")[0]):
            if tag in by_lower:
                return by_lower[tag]
    return default


class InLanguages:
    """A row with `translations` of some of its texts."""

    translations: Any

    def text(self, field: str, language: str) -> str:
        """Return a field in a language, or untranslated where there is no translation."""
        return str(self.translations.get(language, {}).get(field) or getattr(self, field))
