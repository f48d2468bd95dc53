"""The demo city's conversations: comments, replies, notes, followers, and what waits for
moderation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from reports.conversation import replying
from reports.models import (
    Comment,
    Flag,
    FlagReason,
    Follow,
    MeToo,
    ModerationCase,
    ReplyTemplate,
    Report,
    StaffNote,
    Status,
    SubjectKind,
)
from reports.moderation import word_lists
from reports.moderation.flags import FLAGGED
from reports.moderation.judging import ANONYMOUS, REPEATED, Reason

TEMPLATES: tuple[tuple[str, str, str], ...] = (
    (
        "Thank you",
        "Thank you for your report about “{title}”. {department} has it on its list.",
        "Gracias por su aviso sobre «{title}». {department} lo tiene en su lista.",
    ),
    (
        "Repair planned",
        "The repair is planned for the coming week. Category: {category}. Report: {number}.",
        "La reparación está prevista para la próxima semana. {category}. Aviso: {number}.",
    ),
    (
        "More details needed",
        "Could you tell us a little more about the place ({address})? {department}",
        "¿Podría decirnos algo más sobre el lugar ({address})? {department}",
    ),
)
COMMENTS = (
    "I pass here every day, and it is getting worse.",
    "Same on our side of the street.",
    "My daughter nearly fell here on Tuesday.",
    "Thank you for reporting this. I was about to do the same.",
    "It was repaired last spring and it is back again.",
    "Could somebody at least put a cone there?",
    "Seen it this morning: still the same.",
)
NOTES = (
    "Same contractor as last year; ask for the guarantee before paying.",
    "The crew passes there on Thursday anyway.",
    "The reporter called as well. Please be kind: she has waited before.",
)
IMPROPER = (
    ("Cheap repairs: https://fix-it-now.example/offer", Reason("links", "https://fix-it-now.example/offer")),
    ("Whoever planned this is a bastard.", Reason("blocked_words", "bastard")),
    ("Same on our side of the street.", REPEATED),
)  # fmt: skip


def load(
    reports: Sequence[Report], citizens: Sequence[User], staff: dict[str, User], rng: random.Random
) -> None:
    """Let the demo city talk about its public reports."""
    word_lists.load()
    templates = _templates()
    public = [report for report in reports if report.published_at]
    for report in public:
        _take_part(report, citizens, rng)
    talked_about = [report for report in public if report.department][::3]
    Comment.objects.bulk_create(
        comment for report in talked_about for comment in _comments(report, citizens, rng)
    )
    for report in talked_about[::2]:
        _answer(report, templates, staff, rng)
    _hold(reports, talked_about, citizens)


def _templates() -> list[ReplyTemplate]:
    for name, body, spanish in TEMPLATES:
        ReplyTemplate.objects.get_or_create(
            name=name, defaults={"body": body, "translations": {"es": {"body": spanish}}}
        )
    return list(ReplyTemplate.objects.filter(name__in=[name for name, _, _ in TEMPLATES]))


def _take_part(report: Report, citizens: Sequence[User], rng: random.Random) -> None:
    people = rng.sample(list(citizens), rng.choice((0, 0, 1, 2, 3, 7)))
    others = [person for person in people if person.pk != report.reporter_id]
    followers = others + ([report.reporter] if report.reporter else [])
    Follow.objects.bulk_create(Follow(report=report, user=person) for person in followers)
    MeToo.objects.bulk_create(MeToo(report=report, user=person) for person in others[::2])


def _comments(report: Report, citizens: Sequence[User], rng: random.Random) -> Iterator[Comment]:
    for at in _moments(report, rng.randint(1, 3), rng):
        yield Comment(
            report=report,
            author=rng.choice(citizens),
            text=rng.choice(COMMENTS),
            created_at=at,
            published_at=at,
        )


def _answer(
    report: Report, templates: list[ReplyTemplate], staff: dict[str, User], rng: random.Random
) -> None:
    assert report.department is not None  # noqa: S101 - the caller chose such reports
    desk, [at] = staff[report.department.slug], _moments(report, 1, rng)
    Comment.objects.create(
        report=report,
        author=desk,
        text=replying.preview(rng.choice(templates), report).text,
        is_official=True,
        department=report.department,
        created_at=at,
        published_at=at,
    )
    StaffNote.objects.create(report=report, author=desk, text=rng.choice(NOTES), created_at=at)


def _hold(reports: Sequence[Report], talked_about: list[Report], citizens: Sequence[User]) -> None:
    """Let some comments and reports wait for moderation, and flag one report."""
    for number, (text, reason) in enumerate(IMPROPER):
        report = talked_about[number * 5]
        comment = Comment.objects.create(report=report, author=citizens[number], text=text)
        _case(report, SubjectKind.COMMENT, comment, reason)
    anonymous = [one for one in reports if one.reporter is None and one.status == Status.TRIAGED]
    for report in anonymous[:3]:
        Report.objects.filter(pk=report.pk).update(published_at=None)
        _case(report, SubjectKind.REPORT, report, ANONYMOUS)
    flagged = talked_about[1]
    case = _case(flagged, SubjectKind.REPORT, flagged, FLAGGED, is_withheld=False)
    Flag.objects.create(
        case=case, by=citizens[5], reason=FlagReason.PERSONAL_DATA, note="It names my neighbour."
    )


def _case(
    report: Report,
    kind: str,
    subject: Report | Comment,
    reason: Reason,
    *,
    is_withheld: bool = True,
) -> ModerationCase:
    return ModerationCase.objects.create(
        report=report,
        kind=kind,
        subject_id=subject.pk,
        reasons=[reason.as_json()],
        is_withheld=is_withheld,
    )


def _moments(report: Report, count: int, rng: random.Random) -> list[datetime]:
    """Return moments in order between the report's arrival and now."""
    rest = timezone.now() - report.created_at - timedelta(minutes=1)
    return sorted(report.created_at + rest * rng.uniform(0.05, 0.95) for _ in range(count))
