"""`.env.example` tells of every value that the settings read; senseless values are refused."""

from __future__ import annotations

import ast
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from tests.environment import read_settings

BASE_DIR = Path(__file__).resolve().parent.parent.parent
#: Where the process itself tells the settings something.
NOT_AN_OPERATORS = {"WEB_BIND", "CIVICLENS_PROCESS"}


def names_read() -> set[str]:
    """The names that the settings, and what they hand the environment to, read from it."""
    calls = [
        node
        for file in ("settings.py", "photos.py")
        for node in ast.walk(ast.parse((BASE_DIR / "config" / file).read_text()))
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute)
    ]
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.args[0], ast.Constant)
        and ast.unparse(call.func).startswith(("env.", "os.environ."))
    }


def names_told() -> set[str]:
    """The names in `.env.example`, the `NAME_FILE` of a secret counting as its NAME."""
    lines = re.findall(
        r"^(?:# )?([A-Z][A-Z0-9_]*)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE
    )
    read = names_read()
    return {name if name in read else name.removesuffix("_FILE") for name in lines}


def test_the_example_tells_of_every_setting_and_of_no_other() -> None:
    assert names_told() == names_read() - NOT_AN_OPERATORS


def numbers_read() -> set[str]:
    """The names of the numbers that the settings read."""
    tree = ast.parse((BASE_DIR / "config" / "settings.py").read_text())
    return {
        str(call.args[0].value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) in {"env.int", "env.float"}
        and isinstance(call.args[0], ast.Constant)
    }


@pytest.mark.parametrize("name", sorted(numbers_read() - {"PORT"}))
def test_a_number_that_makes_no_sense_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    huge = () if name.startswith("JOBS_ALERT_") else ("1" + "0" * 30,)  # a rule may be off
    for value in ("-1", "two", "", "nan", *huge):
        with pytest.raises(ImproperlyConfigured, match=rf"^{name} must be a (whole )?number "):
            read_settings(monkeypatch, **{name: value})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WEB_THREADS", "0", "from 1 to 256, not '0'"),
        ("WEB_BODY_BYTES_PER_SECOND", "0", "must be a number from 1"),
        ("JOBS_HEARTBEAT_SECONDS", "0", "must be a number from 0.1"),
        ("DB_POOL_MIN_SIZE", "50", "is larger than DB_POOL_MAX_SIZE"),
        ("DB_STATEMENT_TIMEOUT_SECONDS", "inf", "must be a number from 0 to 2,147,483"),
        ("STAFF_TOTP_REQUIRED", "ture", "must be on or off, not 'ture'"),
        ("JOBS_TRANSPORT", "kafka", "must be one of rabbitmq, embedded, not 'kafka'"),
        ("DATABASE_URL", "mysql://host/name", "must be a URL like postgres://"),
        ("RABBITMQ_URL", "rabbit:5672", "must be a URL like amqp://"),
        ("JWT_KEYS", "secret", "must be like name1=key1"),
        ("LOG_LEVEL", "loud", "must be one of DEBUG, INFO"),
        ("TIME_ZONE", "Mars/Base", "there is no time zone 'Mars/Base'"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv("CIVICLENS_PROCESS", "web")
    with pytest.raises(ImproperlyConfigured, match=message):
        read_settings(monkeypatch, **{name: value})


def test_zero_is_taken_where_it_means_something(monkeypatch: pytest.MonkeyPatch) -> None:
    values = read_settings(monkeypatch, SMS_PER_DAY="0", JOBS_ALERT_DEAD_TASKS="inf")
    assert values["SMS_PER_DAY"] == 0
    assert values["JOBS_ALERT_RULES"]["dead_tasks"] == math.inf


def test_a_command_says_what_is_wrong_in_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR,
        env=os.environ | {"OTP_ATTEMPTS": "-3"},
        capture_output=True,
        text=True,
        check=False,
    )
    message = "CivicLens cannot start: OTP_ATTEMPTS must be a whole number from 1 to 20, not '-3'."
    assert (done.returncode, done.stderr.strip()) == (1, message)


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("jobs.E004", {"JOBS_ALERT_RULES": {"health_seconds": 10.0}}),
        ("jobs.E005", {"JOBS_LEASE_SECONDS": 3.0, "JOBS_HEARTBEAT_SECONDS": 3.0}),
    ],
)
def test_settings_that_contradict_each_other_are_reported(
    settings: Any, check: str, changes: dict[str, Any]
) -> None:
    assert check not in {found.id for found in run_checks()}
    for name, value in changes.items():
        setattr(settings, name, value)
    assert check in {found.id for found in run_checks()}
