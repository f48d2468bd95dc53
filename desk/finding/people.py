"""Finding people by phone number, name or email address, for those who may see people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.search import SearchVector
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import audit, phones
from accounts.errors import PhoneInvalid
from accounts.models import User
from desk.shell.readers import may_view
from reports.models.words import CONFIGURATION, WordsQuery

#: A name of fewer characters would show people at random while one types.
NAME_MINIMUM_CHARACTERS = 3
#: What looks like a phone number, in any spelling.
PHONE = re.compile(r"\+?[\d\s().\-/]{7,}")

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


def hint_for(request: HttpRequest, text: str) -> str:
    """Return why a text that looks like a phone number leads to nobody; empty for other texts."""
    if not PHONE.fullmatch(text):
        return ""
    if not may_view(request, User):
        return _(
            "If this is a phone number: you may not look up people. If you need that, ask your "
            "administrator."
        )
    if text.startswith("+") or settings.PHONE_DEFAULT_REGION:
        return ""
    return _("A phone number needs its country's code, such as +1.")


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
