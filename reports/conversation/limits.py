"""Limit how much one citizen may comment: in a period, and in the same words."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from accounts.models import User
from jobs.http import limits
from jobs.http.limits import Refusal, Rule
from reports.errors import CommentRefused, CommentRepeated
from reports.models import Report, SubjectKind
from reports.models.phrases import digest_of_words
from reports.moderation import repetition
from reports.moderation.levels import level_of
from reports.moderation.programs import Program
from reports.moderation.repetition import Sent

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def spend(
    author: User | None,
    report: Report,
    text: str,
    *,
    digest: int | None = None,
    program: Program | None = None,
) -> Sent:
    """Count a comment against its author's limits, in the caller's transaction.

    Return how often its words were sent, by all if there is a `digest` of them. Staff have no
    limits. Without an `author` it is the holder of the report's tracking token, or whoever writes
    about the report by a `program`.

    Raises:
        CommentRefused: the author has written too many within an hour or a day.
        CommentRepeated: the author has sent the same words too often within a day.
    """
    if author is not None and author.is_staff:
        return Sent()
    who = author.pk if author else f"report:{report.pk}"
    if program is not None:
        who = program.author or f"program:{program.name}:{report.pk}"
    words = Rule(
        f"comments:words:{who}:{digest_of_words(text)}", settings.COMMENTS_EQUAL_TEXTS_PER_DAY, DAY
    )
    counts = limits.counts_with_effect(
        [
            Rule(f"comments:hour:{who}", settings.COMMENTS_PER_CITIZEN_HOUR, HOUR),
            Rule(f"comments:day:{who}", _daily(author), DAY),
            words,
            *([] if digest is None else [repetition.rule_of(SubjectKind.COMMENT, digest)]),
        ]
    )
    if isinstance(counts, Refusal):
        error = CommentRepeated if counts.rule is words else CommentRefused
        raise error(retry_after=counts.retry_after)
    return Sent(*counts[2:])


def _daily(author: User | None) -> int:
    """Return how many comments an author may write a day, by their reputation."""
    most = settings.COMMENTS_PER_CITIZEN_DAY
    return level_of(author).daily(most) if author else most
