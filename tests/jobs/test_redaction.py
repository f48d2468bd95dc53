"""What people get to see of a task holds no personal value and no secret."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from jobs.models import Task
from jobs.redaction import REDACTED, SEALED, readable_arguments, redact, redact_value

SECRETS = [
    "mail to ann.lee+x@example.org failed",
    "no route to +12035550100",
    "no route to +1 (203) 555-0100.",
    "DETAIL:  Key (phone)=(2035550100) already exists.",
    "DETAIL:  Key (email)=(ann@example.org) already exists.",
    "bad code=123456",
    "{'otp_code': '123456', 'challenge': 'c'}",
    '{"phone": "203 555 0100"}',
    "Authorization: Bearer abc.def-123456",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnMTIzNDU2",
    "amqp://guest:s3cr3t123456@broker:5672/",
    "refresh 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "opaque Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MEFCQ0RFRkdISUpLTE1OTw",
    "password='correct horse 123456'",
]
TELLTALES = (
    "ann",
    "2035550100",
    "203) 555",
    "203 555",
    "123456",
    "s3cr3t",
    "9f86",
    "Zm9v",
    "horse",
    "abc.def",
)


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_and_personal_values_are_gone(text: str) -> None:
    shown = redact(text)
    assert REDACTED in shown
    assert not [telltale for telltale in TELLTALES if telltale in shown]
    assert redact(shown) == shown, "twice is as once"


@pytest.mark.parametrize(
    "text",
    [
        "Report 01a20182-7de8-76a5-a333-c643f2a03a53 does not exist.",
        (
            '  File "/srv/app/reports/actors.py", line 123, '
            "in test_a_long_name_of_a_function_that_says_what_it_does_1"
        ),
        "TimeoutError: no answer within 10.5 s after 3 attempts",
        "def verify(code: str, token: str) -> None:",
        "    send(code=self.code, phone=user.phone)",
        "status_code 500 at 2026-01-02 03:04:05+00:00",
    ],
)
def test_what_an_engineer_needs_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("piece", ["x", "x-", "+1", "eyJ-", "code=", "code=x", "aZ-", "://x:"])
def test_a_long_text_does_not_stop_the_process(piece: str) -> None:
    """While it is searched no other thread runs, and the worker sends no heartbeat."""
    began = time.process_time()
    redact(piece * (200_000 // len(piece)))
    assert time.process_time() - began < 10


def test_values_are_redacted_by_name_at_any_depth() -> None:
    value: Any = {
        "id": 7,
        "user_phone": 2035550100,
        "list": [{"token": "x", "text": "a@b.org"}],
        "phone": None,
    }
    assert redact_value(value) == {
        "id": 7,
        "user_phone": REDACTED,
        "list": [{"token": REDACTED, "text": REDACTED}],
        "phone": None,
    }


def test_arguments_are_shown_redacted_or_sealed() -> None:
    task = Task(actor="a", queue="default", args=["+12035550100", 3], kwargs={"code": "123456"})
    assert json.dumps(readable_arguments(task)) == json.dumps(
        {"args": [REDACTED, 3], "kwargs": {"code": REDACTED}}
    )
    task.sealed_args = b"\x00"
    assert readable_arguments(task) == SEALED
