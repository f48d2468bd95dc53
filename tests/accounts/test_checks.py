"""A deployment with weak or contradictory settings fails before traffic."""

from __future__ import annotations

from typing import Any

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
