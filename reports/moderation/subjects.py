"""The kinds of things that can be moderated. Each kind is registered by the wing that owns it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import User
from reports.models import ModerationCase


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote something: a user, or the anonymous reporter of the report.

    Neither, where nobody can be told of a decision.
    """

    user_id: UUID | None = None
    is_anonymous_reporter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """How moderation deals with one kind of thing. Every function runs in a transaction.

    texts: the texts of several by their ids, for the queue.
    author: its author, who is told of the decision.
    publish: make it public since the given time, or since now, as this person decided.
    withhold: hide it from the public; return since when it was public, or None if it was not.
    reject: do what follows from a rejection by this person, with a note; it is withheld already.
        Return whether its author was notified of it.
    """

    kind: str
    texts: Callable[[Collection[UUID]], dict[UUID, str]]
    author: Callable[[UUID], Author]
    publish: Callable[[UUID, User, datetime | None], None]
    withhold: Callable[[UUID], datetime | None]
    reject: Callable[[UUID, User, str], bool]


_SUBJECTS: dict[str, Subject] = {}


def register(subject: Subject) -> None:
    """Make a kind of thing known to moderation."""
    _SUBJECTS[subject.kind] = subject


def subject_of(kind: str) -> Subject:
    """Return how moderation deals with this kind."""
    return _SUBJECTS[kind]


def texts_of(cases: Collection[ModerationCase]) -> dict[UUID, str]:
    """Return the text of each case by the id of the case, with one query for each kind."""
    texts: dict[UUID, str] = {}
    for kind in {case.kind for case in cases}:
        of_kind = [case for case in cases if case.kind == kind]
        by_subject = subject_of(kind).texts([case.subject_id for case in of_kind])
        texts |= {case.pk: by_subject.get(case.subject_id, "") for case in of_kind}
    return texts
