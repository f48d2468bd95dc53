"""A deployment with weak or contradictory settings fails before traffic."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts import checks


def test_the_default_settings_pass() -> None:
    assert checks.check_jwt_keys() == checks.check_countries() == []


def test_a_short_key_is_an_error_that_does_not_show_the_key(settings: Any) -> None:
    settings.JWT_KEYS = {"new": "n" * 32, "old": "guessable"}
    (error,) = checks.check_jwt_keys()
    assert error.id == "accounts.E001"
    assert "'old'" in error.msg
    assert "guessable" not in f"{error.msg} {error.hint}"


def test_an_unknown_country_is_an_error(settings: Any) -> None:
    settings.OTP_COUNTRIES, settings.PHONE_DEFAULT_REGION = ["US", "UK"], "us"
    assert [error.id for error in checks.check_countries()] == ["accounts.E002"] * 2


@pytest.mark.parametrize(("idle", "lifetime"), [(0, 60), (-1, 60), (61, 60), (0, 0)])
def test_sessions_of_the_desk_that_end_at_once_or_never_are_an_error(
    settings: Any, idle: int, lifetime: int
) -> None:
    assert checks.check_desk_sessions() == []
    settings.DESK_SESSION_IDLE_LIMIT = timedelta(minutes=idle)
    settings.DESK_SESSION_LIFETIME = timedelta(minutes=lifetime)
    assert [error.id for error in checks.check_desk_sessions()] == ["accounts.E003"]
