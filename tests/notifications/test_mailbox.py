"""The development mailbox: a file, a page, and neither outside development."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from django.http import Http404
from django.test import RequestFactory
from django.utils.dateparse import parse_datetime

from notifications import checks, views
from notifications.channels import Message, mailbox
from tests.notifications.conftest import Messages


def post(number: int) -> str:
    return mailbox.send_sms(
        Message(to=f"+1202555{number:04d}", subject="", body="x" * 2000), idempotency_key="k"
    )


def test_a_message_is_one_json_object_a_line(sent_messages: Messages) -> None:
    mailbox.send_email(
        Message(to="ada@example.org", subject="Hé", body="two\nlines"), idempotency_key="k"
    )
    (message,) = sent_messages()
    sent_at = parse_datetime(message.pop("sent_at"))
    assert sent_at is not None
    assert sent_at.tzinfo is not None
    assert message == {
        "channel": "email",
        "to": "ada@example.org",
        "subject": "Hé",
        "body": "two\nlines",
    }
    assert mailbox.path().stat().st_mode & 0o077 == 0


def test_messages_of_many_processes_do_not_mix(sent_messages: Messages) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        list(pool.map(post, range(200), chunksize=10))
    assert {message["to"] for message in sent_messages()} == {
        f"+1202555{number:04d}" for number in range(200)
    }


def test_the_newest_come_first_however_long_the_file(sent_messages: Messages) -> None:
    assert mailbox.newest(10) == []
    for number in range(400):
        post(number)
    assert mailbox.path().stat().st_size > mailbox.LONGEST_TAIL_BYTES
    assert [message["to"][-4:] for message in mailbox.newest(3)] == ["0399", "0398", "0397"]
    assert len(mailbox.newest(1000)) < 400


def test_the_page_shows_messages_escaped_and_newest_first(settings: Any) -> None:
    settings.DEBUG = True
    for body in ("<script>old</script>", "new"):
        mailbox.send_email(
            Message(to="ada@example.org", subject="Hello", body=body), idempotency_key="k"
        )
    page = views.development_messages(RequestFactory().get("/dev/messages")).content.decode()
    assert page.index("new") < page.index("&lt;script&gt;old")
    assert "ada@example.org" in page


def test_the_page_does_not_exist_outside_development(client: Any) -> None:
    with pytest.raises(Http404):
        views.development_messages(RequestFactory().get("/dev/messages"))
    assert client.get("/dev/messages").status_code == 404


@pytest.mark.parametrize(
    ("debug", "email_url", "sms_url", "found"),
    [
        (True, "", "", []),
        (False, "smtp://mail", "https://sms.example/send", []),
        (False, "smtp://mail", "http://127.0.0.1:9/send", []),
        (False, "", "", ["notifications.E001", "notifications.E002"]),
        (False, "smtp://mail", "http://sms.example/send", ["notifications.E003"]),
    ],
)
def test_production_needs_providers(
    settings: Any, debug: bool, email_url: str, sms_url: str, found: list[str]
) -> None:
    settings.DEBUG, settings.EMAIL_URL, settings.SMS_PROVIDER_URL = debug, email_url, sms_url
    errors = checks.check_providers()
    assert [error.id for error in errors] == found
    assert all(error.hint for error in errors)
