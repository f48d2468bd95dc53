"""What the demo city's citizens and staff said in the last two months."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from reports.conversation import replying
from reports.demo import texts
from reports.demo.city import City
from reports.models import Comment, Follow, MeToo, ReplyTemplate, Report, StaffNote


def load(reports: Sequence[Report], city: City, rng: random.Random) -> None:
    """Store comments, replies, notes and followers of the public reports."""
    citizens = [user for user in city.people.citizens.values() if user.reputation >= 0]
    public = [report for report in reports if report.published_at]
    _take_part(public, citizens, rng)
    talked_about = [report for report in public if report.department][::3]
    comments = [comment for report in talked_about for comment in _comments(report, citizens, rng)]
    answered = [(report, _moments(report, 1, rng)[0]) for report in talked_about[::2]]
    replies = _replies(answered, city, rng)
    Comment.objects.bulk_create([*comments, *replies])
    StaffNote.objects.bulk_create(_notes(answered, city, rng))


def _take_part(reports: Sequence[Report], citizens: Sequence[User], rng: random.Random) -> None:
    """Let some citizens follow each report, and some of them have the problem too."""
    follows, me_toos = [], []
    for report in reports:
        people = rng.sample(citizens, rng.choice((0, 0, 1, 2, 3, 7)))
        others = [person for person in people if person.pk != report.reporter_id]
        followers = [*others, *([report.reporter] if report.reporter else [])]
        follows += [Follow(report=report, user=person) for person in followers]
        me_toos += [MeToo(report=report, user=person) for person in others[::2]]
    Follow.objects.bulk_create(follows)
    MeToo.objects.bulk_create(me_toos)


def _comments(report: Report, citizens: Sequence[User], rng: random.Random) -> Iterator[Comment]:
    for at in _moments(report, rng.randint(1, 3), rng):
        text, author = rng.choice(texts.read("past")["comments"]), rng.choice(citizens)
        yield Comment(report=report, author=author, text=text, created_at=at, published_at=at)


def _replies(
    answered: Sequence[tuple[Report, datetime]], city: City, rng: random.Random
) -> Iterator[Comment]:
    names = [template["name"] for template in texts.read("rules")["templates"]]
    templates = list(ReplyTemplate.objects.filter(name__in=names).order_by("name"))
    for report, at in answered:
        yield Comment(
            report=report,
            author=city.desk_of(report.department),
            text=replying.preview(rng.choice(templates), report).text,
            is_official=True,
            department=report.department,
            created_at=at,
            published_at=at,
        )


def _notes(
    answered: Sequence[tuple[Report, datetime]], city: City, rng: random.Random
) -> Iterator[StaffNote]:
    notes = texts.read("past")["staff_notes"]
    for report, at in answered:
        author, text = city.desk_of(report.department), rng.choice(notes)
        yield StaffNote(report=report, author=author, text=text, created_at=at)


def _moments(report: Report, count: int, rng: random.Random) -> list[datetime]:
    """Return moments in order between the report's arrival and now."""
    rest = timezone.now() - report.created_at - timedelta(minutes=1)
    return sorted(report.created_at + rest * rng.uniform(0.05, 0.95) for _ in range(count))
