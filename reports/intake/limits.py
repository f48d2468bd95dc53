"""Limit how much one author may report: in a period, at one place, and in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from accounts.models import User
from jobs.http import limits
from jobs.http.limits import Refusal, Rule
from reports.errors import IntakeRefused, ReportRepeated, TooManyReports, TooManyReportsHere
from reports.models import SubjectKind
from reports.models.phrases import digest_of_words
from reports.moderation import repetition
from reports.moderation.levels import level_of
from reports.moderation.programs import Program
from reports.moderation.repetition import Sent

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CELL_DECIMALS = 3  # of degrees: about 110 m from south to north


@dataclass(frozen=True, slots=True)
class _Bound:
    """A limit, and the error that explains it to a citizen."""

    rule: Rule
    error: type[IntakeRefused]


def spend(
    reporter: User | None,
    host: str,
    *,
    text: str,
    latitude: float,
    longitude: float,
    digest: int | None = None,
    program: Program | None = None,
) -> Sent:
    """Count a report against the limits of its author and its place, in the caller's transaction.

    Return how often its words were sent, by all if there is a `digest` of them. Staff report on
    behalf of others and are not limited. Without a `reporter` all who share the address `host`
    count as one author.

    Raises:
        TooManyReports: this author has sent too many within an hour or a day.
        ReportRepeated: this author has sent the same words within a day.
        TooManyReportsHere: this author within a day, or all within an hour, sent too many about
            this place.
    """
    if reporter is not None and reporter.is_staff:
        return Sent()
    author = f"citizen:{reporter.pk}" if reporter else f"host:{host}"
    place = f"{latitude:.{CELL_DECIMALS}f},{longitude:.{CELL_DECIMALS}f}"
    bounds = [
        *([] if program else _of_author(author, reporter)),
        *_of_content(program.author if program else author, text, place, digest),
    ]
    counts = limits.counts_with_effect([bound.rule for bound in bounds])
    if isinstance(counts, Refusal):
        (error,) = (bound.error for bound in bounds if bound.rule is counts.rule)
        raise error(retry_after=counts.retry_after)
    by_error = {bound.error: count for bound, count in zip(bounds, counts, strict=True)}
    return Sent(by_error.get(ReportRepeated, 1), by_error.get(IntakeRefused, 0))


def _of_author(author: str, reporter: User | None) -> list[_Bound]:
    if reporter is None:
        return [
            _Bound(
                Rule(f"reports:hour:{author}", settings.ANONYMOUS_REPORTS_PER_HOUR, HOUR),
                TooManyReports,
            )
        ]
    daily = level_of(reporter).daily(settings.REPORTS_PER_CITIZEN_DAY)
    return [
        _Bound(
            Rule(f"reports:hour:{author}", settings.REPORTS_PER_CITIZEN_HOUR, HOUR), TooManyReports
        ),
        _Bound(Rule(f"reports:day:{author}", daily, DAY), TooManyReports),
    ]


def _of_content(author: str | None, text: str, place: str, digest: int | None) -> Iterator[_Bound]:
    """Yield the limits on words and place; those that all authors share come last."""
    if author is not None:
        yield _Bound(
            Rule(
                f"reports:words:{author}:{digest_of_words(text)}",
                settings.REPORTS_EQUAL_TEXTS_PER_DAY,
                DAY,
            ),
            ReportRepeated,
        )
        yield _Bound(
            Rule(f"reports:place:{author}:{place}", settings.REPORTS_PER_CITIZEN_PLACE_DAY, DAY),
            TooManyReportsHere,
        )
    if digest:
        yield _Bound(repetition.rule_of(SubjectKind.REPORT, digest), IntakeRefused)
    yield _Bound(
        Rule(f"reports:place:{place}", settings.REPORTS_PER_PLACE_HOUR, HOUR), TooManyReportsHere
    )
