"""Limit how much one citizen may comment: in a period, and in the same words."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from accounts.models import User
from jobs.http import limits
from jobs.http.limits import Refusal, Rule
from reports.errors import CommentRefused, CommentRepeated
from reports.models.phrases import digest_of_words
from reports.moderation.levels import level_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def spend(author: User, text: str) -> bool:
    """Count a comment against its author's limits, in the caller's transaction.

    Return whether the author sent the same words within a day. Staff have no limits.

    Raises:
        CommentRefused: the author has written too many within an hour or a day.
        CommentRepeated: the author has sent the same words too often within a day.
    """
    if author.is_staff:
        return False
    daily = level_of(author).daily(settings.COMMENTS_PER_CITIZEN_DAY)
    words = Rule(
        f"comments:words:{author.pk}:{digest_of_words(text)}",
        settings.COMMENTS_EQUAL_TEXTS_PER_DAY,
        DAY,
    )
    counts = limits.counts_with_effect(
        [
            Rule(f"comments:hour:{author.pk}", settings.COMMENTS_PER_CITIZEN_HOUR, HOUR),
            Rule(f"comments:day:{author.pk}", daily, DAY),
            words,
        ]
    )
    if isinstance(counts, Refusal):
        error = CommentRepeated if counts.rule is words else CommentRefused
        raise error(retry_after=counts.retry_after)
    return counts[-1] > 1
