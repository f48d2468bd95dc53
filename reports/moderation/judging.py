"""Judge a text before it is public: whether it must wait for moderation, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from django.conf import settings

from accounts import reputation
from accounts.models import User
from jobs.ledger.database import fetch
from reports.models.phrases import phrases_in
from reports.moderation import levels

#: Addresses of the web, also without a scheme where they end in a known domain.
_LINK = re.compile(
    r"(?:https?:/{1,2}|www\.)[^\s<>]+"
    r"|(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|net|org|info|biz|io|co|me|ly|shop"
    r"|online|site|xyz|top|club|link|ru|cn|app|dev|gl|gd|to|tk|us|uk|de|es|fr|pt|br)\b(?:/[^\s<>]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a text waits: a stable code, and for staff what was seen."""

    code: str
    detail: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


ANONYMOUS = Reason("anonymous", "Sent without signing in.")
REPEATED = Reason("repeated", "The same author sent the same words within a day.")


def judge(
    text: str,
    author: User | None,
    *,
    is_repeated: bool = False,
    is_vouched_for: bool = False,
    others: Sequence[Reason] = (),
    is_locking: bool = False,
) -> list[Reason]:
    """Return why the text must wait for moderation; an empty list if it can be public at once.

    Staff are not judged. `is_repeated` says that this author sent the same words lately,
    `is_vouched_for` that a program sent it which the city trusts; `others` is what `repetition`
    says of the same words by others. With `is_locking` the author's row is locked for a credit
    (`reputation.LOCK`), by the same statement.
    """
    if author is not None and author.is_staff:
        if is_locking:
            reputation.lock(author.pk)
        return []
    locked = author if is_locking else None
    reasons = [*_reasons(text, author, is_repeated=is_repeated, locked=locked), *others]
    return [reason for reason in reasons if reason is not ANONYMOUS or not is_vouched_for]


def _reasons(
    text: str, author: User | None, *, is_repeated: bool, locked: User | None
) -> Iterator[Reason]:
    if author is None:
        yield ANONYMOUS
    elif not levels.level_of(author).is_public_at_once:
        yield Reason("reputation", f"Its author has a reputation of {author.reputation}.")
    if words := blocked_words_in(text, locked=locked):
        yield Reason("blocked_words", ", ".join(words))
    if (author is None or not levels.is_trusted(author)) and (links := links_in(text)):
        yield Reason("links", ", ".join(links)[:300])
    if is_repeated:
        yield REPEATED


def blocked_words_in(text: str, *, locked: User | None = None) -> list[str]:
    """Return the blocked words and phrases that the text has, as staff wrote them.

    The row of `locked` is locked by the same statement, as by `reputation.LOCK`.
    """
    phrases = sorted(phrases_in(text))
    if locked is None:
        rows = fetch(_BLOCKED, (phrases,), is_prepared=True)
    else:
        rows = fetch(_BLOCKED_AND_LOCKED, (phrases, locked.pk), is_prepared=True)
    return sorted(word for (word,) in rows if word is not None)


# One array, since a long text has thousands of phrases.
_BLOCKED = """
    SELECT word FROM reports_blockedword
    WHERE is_active AND phrase = ANY(%s::varchar[])
"""
_BLOCKED_AND_LOCKED = f"{_BLOCKED} UNION ALL (SELECT NULL FROM ({reputation.LOCK}) AS author)"  # noqa: S608 - constants


def links_in(text: str) -> list[str]:
    """Return the links in the text, except those to MODERATION_LINK_HOSTS and to this site."""
    links = (match.group().rstrip(".,;:!?)\"'") for match in _LINK.finditer(text))
    return [link for link in links if _host_of(link) not in _allowed_hosts()]


def _host_of(link: str) -> str:
    address = link if "//" in link else f"//{link}"
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.").lower()
    except ValueError:
        return ""


def _allowed_hosts() -> set[str]:
    return {*settings.MODERATION_LINK_HOSTS, _host_of(settings.PUBLIC_URL)}
