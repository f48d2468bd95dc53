"""The same words from several people, as advertising comes: they wait for moderation.

Short texts are exempt, since many people write the same few words about the same kind of problem,
and so are reports near each other, since neighbours report one problem and copy each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now

from accounts.models import User
from jobs.http.limits import Rule
from reports.models import Comment, ModerationCase, Report, SubjectKind
from reports.models.phrases import digest_of_words
from reports.models.place import cells_around
from reports.moderation import cases
from reports.moderation.judging import Reason

CODE = "repeated_by_others"
COUNTED = 1_000_000  # of one text; the rule refuses nothing before
QUEUED = 20  # of the earlier copies at most
_WORD = re.compile(r"\w+")


class Sent(NamedTuple):
    """How often a text was sent lately, with this time: by its author, and by all.

    The second is 0 where it is not counted.
    """

    by_author: int = 1
    by_all: int = 0


@dataclass(frozen=True, slots=True)
class Copies:
    """Reports or comments with the same words, as others sent them lately."""

    kind: str
    earlier: list[UUID]
    authors: int

    @property
    def reasons(self) -> list[Reason]:
        """Return why a further one waits; empty while too few people sent these words."""
        return [_reason(self.authors)] if are_too_many(self.authors + 1) else []


def digest_of(text: str) -> int | None:
    """Return a number that stands for the words of a text, to store with it; None if it is short.

    Case, spaces and punctuation make no difference.
    """
    if len(_WORD.findall(text)) < settings.MODERATION_REPEATED_WORDS:
        return None
    return int.from_bytes(bytes.fromhex(digest_of_words(text))[:8], "big", signed=True)


def rule_of(kind: str, digest: int) -> Rule:
    """Return the rule that counts how often these words were sent, by anybody.

    Whoever sends them at the same time waits until this transaction ends, and then sees its text.
    """
    return Rule(f"moderation:words:{kind}:{digest}", COUNTED, window())


def window() -> timedelta:
    """Return how long the same words are remembered."""
    return timedelta(hours=settings.MODERATION_REPEATED_HOURS)


def are_too_many(copies: int) -> bool:
    """Return whether so many copies of a text, each by another author, are too many."""
    return 0 < settings.MODERATION_REPEATED_AUTHORS <= copies


def reports_like(digest: int, *, author: User | None, latitude: float, longitude: float) -> Copies:
    """Return the reports of others with these words that are not near the place.

    All who do not sign in count as one person.
    """
    others = Report.objects.filter(text_digest=digest, created_at__gt=Now() - window())
    others = others.exclude(cell__in=cells_around(latitude, longitude))
    others = others.exclude(reporter=author) if author else others.exclude(reporter=None)
    rows = list(others.order_by("-created_at").values_list("pk", "reporter")[:QUEUED])
    return Copies(SubjectKind.REPORT, [pk for pk, _ in rows], len({who for _, who in rows}))


def comments_like(digest: int, *, author: User | None, report: Report) -> Copies:
    """Return the comments of others with these words.

    Those without an author, by the reporters of anonymous reports, count as of one person for each
    report.
    """
    others = Comment.objects.filter(text_digest=digest, created_at__gt=Now() - window())
    own = others.filter(author=author) if author else others.filter(author=None, report=report)
    others = others.exclude(pk__in=own.values("pk"))
    rows: list[Any] = list(
        others.order_by("-created_at").values_list("pk", "author", "report")[:QUEUED]
    )
    people = {report_id if who is None else who for _, who, report_id in rows}
    return Copies(SubjectKind.COMMENT, [pk for pk, _, _ in rows], len(people))


def queue_earlier(copies: Copies) -> None:
    """Let staff look at the earlier copies too if there are too many; they stay public meanwhile.

    What staff have decided about stays as it is.
    """
    if not copies.reasons:
        return
    model = Report if copies.kind == SubjectKind.REPORT else Comment
    for subject in model.objects.filter(pk__in=copies.earlier).order_by("pk"):
        report = subject if isinstance(subject, Report) else subject.report
        _queue(cases.case_of(report, copies.kind, subject.pk), _reason(copies.authors))


def _queue(case: ModerationCase, reason: Reason) -> None:
    if case.decided_at is not None or any(reason["code"] == CODE for reason in case.reasons):
        return
    case.state, case.reasons = cases.State.WAITING, [*case.reasons, reason.as_json()]
    case.save(update_fields=["state", "reasons"])


def _reason(others: int) -> Reason:
    hours = settings.MODERATION_REPEATED_HOURS
    return Reason(CODE, f"{others} others sent the same words within {hours} hours.")
