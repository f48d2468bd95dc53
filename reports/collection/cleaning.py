"""Remove personal data from texts by rule, before anything is stored.

Email addresses and phone numbers go. Handles become a short keyed hash, so that it stays visible
that two posts speak of one account. A name goes where a title or a greeting marks it, or where it
is the author's own.
"""

from __future__ import annotations

import hmac
import re

import phonenumbers
from django.conf import settings

from jobs.plain_text import one_line, paragraphs

HASH_CHARACTERS = 32
SHOWN_HASH_CHARACTERS = 8
#: Longer texts are cut before they are looked through.
LONGEST_CHARACTERS = 20_000
SHORTEST_NUMBER_DIGITS = 7

_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|\s?[\[(]at[\])]\s?)(?:[\w-]{1,63}(?:\.|\s?[\[(]dot[\])]\s?))+"
    r"[^\W\d_]{2,24}",
    re.IGNORECASE,
)
_PROFILE = re.compile(
    r"(?:https?://)?(?:www\.|m\.|old\.)?(?P<site>reddit\.com/u(?:ser)?|twitter\.com|x\.com"
    r"|instagram\.com|facebook\.com|threads\.net|tiktok\.com)/@?(?P<handle>[\w.-]{2,60})/?"
    r"(?![\w/?=-])",
    re.IGNORECASE,
)
_HANDLE = re.compile(
    r"(?<![\w/@.])(?:/?u/(?P<reddit>[\w-]{2,40})|@(?![0-9a-f]{8}\b)(?P<at>\w[\w.-]{0,58}\w)(?:@[\w.-]+\.\w{2,24})?)"
)
#: Nine digits or more with what stands between the digits of numbers; see `_OTHER_DIGITS`.
_DIGITS = re.compile(r"(?<![\w.,#/-])\+?\(?\d(?:[ ()./-]{0,3}\d){8,16}(?![\w/]|[.,]\d)")
#: A date, or degrees.
_OTHER_DIGITS = re.compile(r"\d{4}-\d{2}-\d{2}|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|^\d{1,3}\.\d{4}")
_TITLED = re.compile(
    r"\b(?P<title>Mr|Mrs|Ms|Mx|Miss|Dr|Prof|Herr|Frau|Señora|Señor|Sra|Sr|Monsieur|Madame|Mme"
    r"|Officer|Councilman|Councilwoman|Councilmember|Alderman|Alder)\b(?P<dot>\.?)\s+"
    r"(?P<name>[A-ZÀ-ÖØ-Þ][\w'’-]+(?:\s+[A-ZÀ-ÖØ-Þ][\w'’-]+){0,3})"
)
#: A name that ends so is one of a place, such as Dr. Martin Luther King Boulevard.
_PLACE_WORDS = re.compile(
    r"\b(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Lane|Ln|Way|Court|Ct|Place|Pl|Plaza"
    r"|Square|Sq|Park|Bridge|School|Library|Hospital|Center|Centre|Highway|Hwy|Green|Garden|Gardens)$"
)
_OWN_NAME = re.compile(
    r"\b(?P<lead>[Mm]y name is|[Ii]ch heiße|[Mm]e llamo|[Mm]i nombre es"
    r"|[Jj]e m['’]appelle|(?:[Bb]est|[Kk]ind) regards,?|[Rr]egards,?|[Ss]incerely,?|[Ss]igned,?"
    r"|[Cc]heers,|[Tt]hanks,|[Ss]aludos,?|[Mm]it freundlichen Grüßen,?)(?P<gap>\s+)"
    r"[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'’-]+(?:\s+[A-ZÀ-ÖØ-Þ][\w'’.-]+){0,2}"
    r"(?=\s*(?:$|[,.;!\n]|\band\b|\by\b|\bund\b|\bet\b))",
    re.MULTILINE,
)


def hash_of(handle: str) -> str:
    """Return the keyed hash of a handle; the same account has the same one. "" for none."""
    plain = handle.strip().lstrip("@").removeprefix("/").removeprefix("u/").casefold()
    if not plain:
        return ""
    digest = hmac.digest(settings.COLLECTION_KEY.encode(), f"handle:{plain}".encode(), "sha256")
    return digest.hex()[:HASH_CHARACTERS]


def clean_line(text: str, *, author: str = "") -> str:
    """Return a text of one line without personal data."""
    return one_line(_without_personal_data(text[:LONGEST_CHARACTERS], author))


def clean_paragraphs(text: str, *, author: str = "") -> str:
    """Return a text of several lines without personal data."""
    return paragraphs(_without_personal_data(text[:LONGEST_CHARACTERS], author))


def _without_personal_data(text: str, author: str) -> str:
    text = _EMAIL.sub("[email]", text)
    text = _HANDLE.sub(lambda match: _shown(match["reddit"] or match["at"]), text)
    text = _PROFILE.sub(lambda match: _shown(match["handle"]), text)
    text = _without_numbers(text)
    text = _without_author(text, author)
    text = _TITLED.sub(_without_name, text)
    return _OWN_NAME.sub(lambda match: f"{match['lead']}{match['gap']}[name]", text)


def _without_name(match: re.Match[str]) -> str:
    if _PLACE_WORDS.search(match["name"]):
        return match[0]
    return f"{match['title']}{match['dot']} [name]"


def _shown(handle: str) -> str:
    return f"@{hash_of(handle)[:SHOWN_HASH_CHARACTERS]}"


def _without_numbers(text: str) -> str:
    """Replace phone numbers: those of PHONE_DEFAULT_REGION, and all long runs of digits."""
    if sum(map(str.isdigit, text)) < SHORTEST_NUMBER_DIGITS:
        return text
    spans = [
        (match.start, match.end)
        for match in phonenumbers.PhoneNumberMatcher(text, settings.PHONE_DEFAULT_REGION or None)
    ]
    for start, end in reversed(spans):
        text = f"{text[:start]}[phone]{text[end:]}"
    return _DIGITS.sub(_phone_or_other, text)


def _phone_or_other(match: re.Match[str]) -> str:
    return match[0] if _OTHER_DIGITS.search(match[0]) else "[phone]"


def _without_author(text: str, author: str) -> str:
    """Replace the author's own name or handle where the text has it as a word."""
    plain = author.strip().lstrip("@").removeprefix("/").removeprefix("u/")
    if len(plain) < 3:
        return text
    return re.sub(rf"(?<!\w){re.escape(plain)}(?!\w)", _shown(plain), text, flags=re.IGNORECASE)
