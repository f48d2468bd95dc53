"""Rows for the tests of any app."""

from __future__ import annotations

from itertools import count
from typing import Any

from accounts import sessions
from accounts.models import User
from accounts.origins import Origin

ORIGIN = Origin("203.0.113.7", "test")
_numbers = count(1)


def make_phone() -> str:
    """A number that nobody has yet; numbers that tests spell out are in +1 202 555."""
    return f"+1202556{next(_numbers):04d}"


def make_user(**overrides: Any) -> User:
    """A citizen."""
    return User.objects.create_user(**{"phone": make_phone(), **overrides})


def make_access(user: User) -> str:
    """An access token of a new session of the user."""
    return sessions.begin(user, ORIGIN)[1].access


def bearer(user: User) -> dict[str, str]:
    """The header of a signed-in user, for Django's and the REST framework's test clients."""
    return {"authorization": f"Bearer {make_access(user)}"}
