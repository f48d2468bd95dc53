"""Language tags such as `en` or `pt-br`, from whatever the API, a file or the desk says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from django.conf.locale import LANG_INFO

from matching.errors import LanguageUnknown
from matching.text.glossary import fold

_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")
TAG_MAX_CHARACTERS = 12
#: Names that mean any language. Some are also tags of languages with few speakers.
_ANY = {"any", "all", "*", "mul", "und", "any language", "all languages", "every language"}
_SEPARATORS = re.compile("[;,/|]")
#: Names that Django's own list of languages lacks.
_NAMES = {
    "amharic": "am", "aymara": "ay", "cantonese": "yue", "castellano": "es", "chinese": "zh",
    "creole": "ht", "dari": "prs", "farsi": "fa", "filipino": "fil", "guarani": "gn",
    "haitian creole": "ht", "hmong": "hmn", "kreyol": "ht", "mandarin": "zh", "nahuatl": "nah",
    "oromo": "om", "pashto": "ps", "punjabi": "pa", "quechua": "qu", "somali": "so",
    "tagalog": "tl", "tigrinya": "ti", "twi": "tw", "yiddish": "yi", "yoruba": "yo",
    "हिन्दी": "hi", "हिंदी": "hi",
}  # fmt: skip


def tags_of(texts: Iterable[str]) -> list[str]:
    """Return the tags of the languages named, each once; one text may name several, as `EN; es`.

    A tag with a script or region adds the tags of its language, so that `pt-br` and `pt-pt` have
    one in common. `any` and `all` mean no particular language, whatever stands beside them.

    Raises:
        LanguageUnknown: a name is neither a tag nor in the list of languages.
    """
    named = [part.strip() for text in texts for part in _SEPARATORS.split(text)]
    if not _ANY.isdisjoint(" ".join(name.lower().split()) for name in named):
        return []
    tags = (_tag(name) for name in named if name)
    return list(dict.fromkeys(wider for tag in tags for wider in _with_wider(tag)))


def _with_wider(tag: str) -> list[str]:
    """Return the tag and the wider ones: `zh-hant-tw`, `zh-hant`, `zh`; without overlong ones."""
    parts = tag.split("-")
    tags = ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
    return [tag for tag in tags if len(tag) <= TAG_MAX_CHARACTERS]


def _tag(name: str) -> str:
    tag = name.lower().replace("_", "-")
    if _TAG.fullmatch(tag):
        return tag
    if known := _tags_by_name().get(_folded(name)):
        return known
    raise LanguageUnknown(
        f"{name[:40]} is not a known language; a tag such as en or es is always accepted."
    )


@cache
def _tags_by_name() -> dict[str, str]:
    names = {
        _folded(info[field]): tag
        for tag, info in LANG_INFO.items()
        for field in ("name_local", "name")
        if field in info and "-" not in tag
    }
    return names | {_folded(name): tag for name, tag in _NAMES.items()}


def _folded(name: str) -> str:
    return " ".join(fold(word) for word in name.split())
