"""Remove personal data from texts by rule, before anything is stored.

Email addresses and phone numbers go. Handles become a short keyed hash, so that it stays visible
that two posts speak of one account. A name goes where a title, a greeting or a frequent given name
marks it, or where it is the author's own.
"""

from __future__ import annotations

import hmac
import re
from functools import lru_cache
from importlib.resources import files

import phonenumbers
from django.conf import settings

from jobs.plain_text import one_line, paragraphs

HASH_CHARACTERS = 32
SHOWN_HASH_CHARACTERS = 8
#: Longer texts are cut before they are looked through.
LONGEST_CHARACTERS = 20_000
SHORTEST_NUMBER_DIGITS = 7
SHORTEST_NAME_CHARACTERS = 3

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
#: An address that leads to an account, or to what it has posted.
_OF_ACCOUNT = re.compile(
    r"@|%40|//(?:www\.|m\.|mobile\.|old\.)?(?:(?:twitter|x|instagram|facebook|tiktok)\.com"
    r"|threads\.(?:net|com)|bsky\.app/profile|reddit\.com/u(?:ser)?)/",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://[^\s<>\"')\]]+", re.IGNORECASE)
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
    r"|Square|Sq|Park|Bridge|School|Library|Hospital|Center|Centre|Highway|Hwy|Green|Garden|Gardens"
    r"|Church|Cathedral|Chapel|Hall|Field|Hill|House|Playground|Pool|Museum|Station|Terrace|Memorial"
    r"|Academy|College|University|Building|Bay|Beach|Island|Lake|River|Pond|Trail|Festival|Foundation"
    r"|Straße|Strasse|Platz|Brücke)\b\.?$"
)
#: What may be a given name, and the words in capitals that may follow it.
_GIVEN = re.compile(r"\b[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿł]+(?:-[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿł]+)*")
_PARTICLES = r"(?:(?:de|da|del|van|von|der|la|al|bin)\s){0,2}"
_FURTHER = re.compile(
    rf"(?:\s[A-Z]\.)*\s{_PARTICLES}[A-ZÀ-ÖØ-Þ][\w'’-]+"
    r"(?:\s[A-ZÀ-ÖØ-Þ][\w'’-]+(?:(?<=\sJr)\.|(?<=\sSr)\.)?){0,3}"
)
#: What of the further words is the name itself: initials, particles and one surname.
_SURNAME = re.compile(rf"(?:\s[A-Z]\.)*\s{_PARTICLES}[\w'’-]+")
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


def clean_address(address: str, *, author: str = "") -> str:
    """Return the address of a post; "" where it names the author or another account."""
    plain = one_line(address)
    return "" if names_account(plain) or _name_in(plain, author) else plain


def names_account(address: str) -> bool:
    """Return whether an address, or an id made of one, names an account."""
    return _OF_ACCOUNT.search(address) is not None


def _name_in(address: str, author: str) -> bool:
    """Return whether an address has the author's name, such as `/jane-roe/` of Jane Roe."""
    words = re.findall(r"\w+", author.casefold())
    if sum(map(len, words)) < SHORTEST_NAME_CHARACTERS:
        return False
    name = r"(?:[\W_]|%20)?".join(map(re.escape, words))
    return re.search(rf"(?<![^\W_]){name}(?![^\W_])", address.casefold()) is not None


def _without_personal_data(text: str, author: str) -> str:
    text = _EMAIL.sub("[email]", text)
    text = _HANDLE.sub(lambda match: _shown(match["reddit"] or match["at"]), text)
    text = _PROFILE.sub(lambda match: _shown(match["handle"]), text)
    text = _LINK.sub(lambda match: "[link]" if names_account(match[0]) else match[0], text)
    text = _without_numbers(text)
    text = _without_author(text, author)
    text = _TITLED.sub(_without_name, text)
    text = _without_given_names(text)
    return _OWN_NAME.sub(lambda match: f"{match['lead']}{match['gap']}[name]", text)


def _without_name(match: re.Match[str]) -> str:
    if _PLACE_WORDS.search(match["name"]):
        return match[0]
    return f"{match['title']}{match['dot']} [name]"


def _without_given_names(text: str) -> str:
    """Replace frequent given names with the surname after them, unless a place is meant."""
    parts, kept_from = [], 0
    for match in _GIVEN.finditer(text):
        further = _FURTHER.match(text, match.end())
        if match.start() < kept_from or further is None or not _is_given(match[0]):
            continue
        surname = _SURNAME.match(text, match.end())
        if surname is not None and not _PLACE_WORDS.search(further[0]):
            parts.append(f"{text[kept_from : match.start()]}[name]")
            kept_from = surname.end()
    return "".join([*parts, text[kept_from:]])


def _is_given(word: str) -> bool:
    return word.partition("-")[0] in _given_names()


@lru_cache(maxsize=1)
def _given_names() -> frozenset[str]:
    text = files("reports.collection").joinpath("data", "given_names.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(" ".join(lines).split())


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
    if len(plain) < SHORTEST_NAME_CHARACTERS:
        return text
    return re.sub(rf"(?<!\w){re.escape(plain)}(?!\w)", _shown(plain), text, flags=re.IGNORECASE)
