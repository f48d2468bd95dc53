"""What signing in left behind, and when it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session as DeskSession
from django.db import transaction
from django.utils import timezone

from accounts import otp, retention, sessions
from accounts.actors import prune_sign_ins
from accounts.models import OtpChallenge, RefreshToken, Session
from jobs.testing import run_tasks
from tests.accounts.factories import ORIGIN, make_phone, make_user

pytestmark = pytest.mark.django_db


def prune() -> None:
    with transaction.atomic():
        prune_sign_ins.send()
    run_tasks()


def test_codes_are_kept_for_the_retention(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PRUNE_BATCH_ROWS", 2)
    old = [otp.request_code("sms", make_phone(), origin=ORIGIN).challenge_id for _ in range(3)]
    new = otp.request_code("sms", make_phone(), origin=ORIGIN).challenge_id
    past = timezone.now() - timedelta(days=settings.JOBS_RETENTION_DAYS, seconds=1)
    OtpChallenge.objects.filter(id__in=old).update(created_at=past)
    prune()
    assert OtpChallenge.objects.get().id == new


def test_tokens_are_kept_as_long_as_their_session() -> None:
    (live, pair), (revoked, _), (expired, _) = (
        sessions.begin(make_user(), ORIGIN) for _ in range(3)
    )
    sessions.rotate(pair.refresh)
    RefreshToken.objects.update(expires_at=timezone.now() - timedelta(days=1))
    Session.objects.filter(id=revoked.id).update(revoked_at=timezone.now())
    Session.objects.filter(id=expired.id).update(expires_at=timezone.now() - timedelta(days=1))
    prune()
    assert {token.session_id for token in RefreshToken.objects.all()} == {live.id}
    assert (RefreshToken.objects.count(), Session.objects.count()) == (2, 3)


def test_sessions_and_failed_passwords_go_after_the_retention(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PRUNE_BATCH_ROWS", 1)
    past = timezone.now() - timedelta(days=settings.JOBS_RETENTION_DAYS, seconds=1)
    live, revoked, expired = (sessions.begin(make_user(), ORIGIN)[0] for _ in range(3))
    Session.objects.filter(id=revoked.id).update(revoked_at=past)
    Session.objects.filter(id=expired.id).update(expires_at=past)
    for at in (past, past, timezone.now()):
        attempt = AccessAttempt.objects.create(username="ada", failures_since_start=1)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=at)
    for days in (-1, -1, 1):
        DeskSession.objects.create(
            session_key=f"key{days}{DeskSession.objects.count()}",
            expire_date=timezone.now() + timedelta(days=days),
        )
    prune()
    assert Session.objects.get().id == live.id
    assert AccessAttempt.objects.count() == 1
    assert DeskSession.objects.get().expire_date > timezone.now()
