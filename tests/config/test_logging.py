"""The log holds request ids and no secrets."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.test import Client

from config.logging import REDACTED, configuration, redact


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What the log says in JSON; filled when read."""
    formatter = configuration(level="INFO", as_json=True)["formatters"]["events"]
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    yield _Lines(stream)
    root.removeHandler(handler)


class _Lines(list[dict[str, Any]]):
    def __init__(self, stream: io.StringIO) -> None:
        super().__init__()
        self._stream = stream

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    "key",
    [
        "phone",
        "email",
        "code",
        "otp",
        "token",
        "user_phone",
        "access",
        "refresh",
        "Authorization",
        "password",
    ],
)
def test_secret_keys_are_redacted(key: str) -> None:
    assert redact(None, "info", {"event": "x", key: "value"}) == {"event": "x", key: REDACTED}


def test_secrets_are_redacted_at_any_depth() -> None:
    event = redact(
        None, "info", {"event": "x", "data": {"user": [{"phone": "1"}], "tokens": ["a"]}}
    )
    assert event["data"]["user"] == [{"phone": REDACTED}]


@pytest.mark.parametrize(
    "text", ["+12025550123", "ada@city.example", "eyJhbGciOiJI.eyJzdWIi.c2lnbmF0dXJl"]
)
def test_secrets_inside_a_text_are_redacted(text: str) -> None:
    assert redact(None, "info", {"event": f"sent to {text}!"})["event"] == f"sent to {REDACTED}!"


@pytest.mark.parametrize("piece", ["x", "eyJ-"])
def test_a_long_text_does_not_stop_the_process(piece: str) -> None:
    """While it is searched no other thread runs."""
    began = time.process_time()
    redact(None, "info", {"event": piece * (200_000 // len(piece))})
    assert time.process_time() - began < 10


def test_facts_stay() -> None:
    facts = {
        "event": "task_done",
        "task_id": "0190-aa",
        "status_code": 200,
        "ms": 1.5,
        "attempt": 2,
        "path": "/a+b",
    }
    assert redact(None, "info", dict(facts)) == facts


def test_a_request_is_one_line_with_its_id_and_without_its_query(lines: Any) -> None:
    Client().get("/api/v1/nothing?phone=%2B12025550123", headers={"X-Request-ID": "request-42"})
    (line,) = (line for line in lines.read() if line["event"] == "request_finished")
    assert (line["request_id"], line["path"], line["status"]) == (
        "request-42",
        "/api/v1/nothing",
        404,
    )
    assert "2025550123" not in json.dumps(lines.read())


def test_a_librarys_record_goes_through_the_same_chain(lines: Any) -> None:
    logging.getLogger("some.library").warning("cannot reach %s", "+12025550123")
    (line,) = lines.read()
    assert line["event"] == f"cannot reach {REDACTED}"
    assert (line["level"], line["logger"]) == ("warning", "some.library")


def test_probes_make_no_noise(lines: Any) -> None:
    Client().get("/livez")
    assert lines.read() == []


def test_the_id_is_forgotten_after_the_request() -> None:
    Client().get("/livez", headers={"X-Request-ID": "request-42"})
    assert "request_id" not in structlog.contextvars.get_contextvars()
