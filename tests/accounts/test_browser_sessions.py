"""Sessions of browsers, which keep a refresh token as their cookie."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts import sessions
from accounts.models import RefreshToken, Session, User
from tests.accounts.clock import let_pass
from tests.accounts.factories import ORIGIN, make_user

pytestmark = pytest.mark.django_db


def begin(user: User | None = None) -> tuple[Session, str]:
    session, pair = sessions.begin(user or make_user(), ORIGIN)
    return session, pair.refresh


def test_a_browser_goes_on_with_one_token(settings: LazySettings) -> None:
    session, cookie = begin()
    for _ in range(3):
        let_pass(seconds=settings.REFRESH_TOKEN_LIFETIME.total_seconds() - 3600)
        resumed = sessions.resume(cookie)
        assert resumed is not None
        assert (resumed, resumed.user) == (session, session.user)
    assert RefreshToken.objects.count() == 1


def test_a_browser_that_stays_away_is_signed_out(settings: LazySettings) -> None:
    _, cookie = begin()
    let_pass(seconds=settings.REFRESH_TOKEN_LIFETIME.total_seconds() + 1)
    assert sessions.resume(cookie) is None


def test_use_does_not_outlive_the_sign_in(settings: LazySettings) -> None:
    settings.SIGN_IN_LIFETIME = timedelta(days=40)
    _, cookie = begin()
    let_pass(seconds=29 * 86_400)
    assert sessions.resume(cookie) is not None
    let_pass(seconds=12 * 86_400)
    assert sessions.resume(cookie) is None


def sign_out(_: Session, cookie: str) -> None:
    sessions.end(cookie)


def end_elsewhere(session: Session, _: str) -> None:
    sessions.revoke_own(session.user, session.id)


def disable(session: Session, _: str) -> None:
    sessions.disable(session.user, by=None)


def refuse_earlier_tokens(session: Session, _: str) -> None:
    User.objects.filter(pk=session.user_id).update(tokens_valid_after=timezone.now())


def exchange(_: Session, cookie: str) -> None:
    sessions.rotate(cookie)


@pytest.mark.parametrize(
    "stop", [sign_out, end_elsewhere, disable, refuse_earlier_tokens, exchange]
)
def test_a_token_that_is_good_no_longer_resumes_nothing(
    stop: Callable[[Session, str], None],
) -> None:
    session, cookie = begin()
    assert sessions.resume(cookie) is not None
    stop(session, cookie)
    assert sessions.resume(cookie) is None


@pytest.mark.parametrize("cookie", ["", "x", "\0", "é" * 300, "\ud800"])
def test_an_unknown_token_resumes_nothing(cookie: str) -> None:
    begin()
    assert sessions.resume(cookie) is None
