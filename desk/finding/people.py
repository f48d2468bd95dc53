"""Finding people by phone number, name or email address, for those who may see people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast
from uuid import UUID

from django.contrib.postgres.search import SearchVector
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import audit, phones
from accounts.errors import PhoneInvalid
from accounts.models import User
from desk.shell.readers import may_view
from reports.models.words import CONFIGURATION, WordsQuery

#: A name of fewer characters would show people at random while one types.
NAME_MINIMUM_CHARACTERS = 3

A = TypeVar("A")


def answers(
    request: HttpRequest, text: str, shown: int, answer: Callable[[str, str, str], A]
) -> Iterator[A]:
    """Yield the people with this number or these words; a look-up is recorded once an hour."""
    if not may_view(request, User):
        return
    people = list(_people(text).only("phone", "name")[:shown])
    if people:
        _record(request, people)
    for person in people:
        address = reverse("admin:accounts_user_change", args=[person.pk])
        yield answer(person.name or str(person.pk), phones.masked(person.phone), address)


def _people(text: str) -> QuerySet[User]:
    # In no order: PostgreSQL would read everybody in it, where few have the words.
    everybody = User.objects.order_by()
    try:
        return everybody.filter(phone=phones.normalise(text))
    except PhoneInvalid:
        pass
    if len(text) < NAME_MINIMUM_CHARACTERS:
        return everybody.none()
    words = SearchVector("name", "email", config=CONFIGURATION)
    return everybody.annotate(words=words).filter(words=WordsQuery(text))


def _record(request: HttpRequest, people: Sequence[User]) -> None:
    reader = cast("UUID", request.user.pk)
    ids = sorted(str(person.pk) for person in people)
    audit.record_hourly(
        "user.looked_up",
        key=f"{reader}:{','.join(ids)}",
        actor_id=reader,
        subject=f"user:{ids[0]}" if len(ids) == 1 else "users",
        data={"people": ids},
    )
