"""The ways out, against small servers on loopback that remember what they were asked."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core import mail

from notifications.channels import Message, connections, email, sms
from notifications.errors import ChannelError

MESSAGE = Message(to="+12025550123", subject="", body="Grüße 👋")


class Provider(HTTPServer):
    """An SMS provider that answers as told."""

    status, answer, location = 200, b'{"id": "sms-1"}', ""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], Any]] = []
        super().__init__(("127.0.0.1", 0), ProviderHandler)


class ProviderHandler(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((dict(self.headers), json.loads(body)))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server whose answer to RCPT is set; it may hang up after each message."""

    allow_reuse_address, daemon_threads = True, True
    recipient_answer = b"250 ok"
    hangs_up = False

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.connections = 0
        super().__init__(("127.0.0.1", 0), MailHandler)


class MailHandler(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        self.say(b"220 ready")
        for line in self.rfile:
            match line[:4].upper():
                case b"RCPT":
                    self.say(self.server.recipient_answer)
                case b"DATA":
                    self.say(b"354 go on")
                    self.server.received.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                    self.say(b"250 taken")
                    if self.server.hangs_up:
                        return
                case b"QUIT":
                    self.say(b"221 bye")
                    return
                case _:
                    self.say(b"250 ok")

    def say(self, answer: bytes) -> None:
        self.wfile.write(answer + b"\r\n")


def serve(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    server = Provider()
    settings.SMS_PROVIDER_URL = f"http://127.0.0.1:{server.server_port}/send"
    settings.SMS_PROVIDER_TOKEN = "token-1"
    yield from serve(server)


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
    yield from serve(server)
    connections.give_up()


def test_the_provider_gets_the_message_the_token_and_the_key(provider: Provider) -> None:
    assert sms.send(MESSAGE, idempotency_key="key-1") == "sms-1"
    ((headers, body),) = provider.asked
    assert body == {"to": "+12025550123", "body": "Grüße 👋"}
    assert (headers["Authorization"], headers["Idempotency-Key"]) == ("Bearer token-1", "key-1")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"ok",
        b"[1]",
        b"{}",
        b"\xff",
        b"[" * 60_000,
        b'{"id": null}',
        b'{"id": "a\\u0000"}',
        b'{"id": "\\ud800"}',
    ],
)
def test_an_answer_without_an_id_is_still_a_success(provider: Provider, answer: bytes) -> None:
    provider.answer = answer
    assert sms.send(MESSAGE, idempotency_key="key-1") == ""


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (404, True), (422, True), (401, False), (429, False), (500, False), (503, False)],
)
def test_what_the_provider_refuses_for_good_is_permanent(
    provider: Provider, status: int, permanent: bool
) -> None:
    provider.status = status
    with pytest.raises(ChannelError, match=str(status)) as refused:
        sms.send(MESSAGE, idempotency_key="key-1")
    assert refused.value.permanent is permanent
    assert MESSAGE.to not in str(refused.value)


def test_a_redirect_is_not_followed(provider: Provider) -> None:
    provider.status, provider.location = 302, "/elsewhere"
    with pytest.raises(ChannelError) as refused:
        sms.send(MESSAGE, idempotency_key="key-1")
    assert not refused.value.permanent
    assert len(provider.asked) == 1


def test_a_provider_that_is_away_is_worth_another_try(provider: Provider, settings: Any) -> None:
    settings.SMS_PROVIDER_URL = "http://127.0.0.1:9/send"
    with pytest.raises(ChannelError) as refused:
        sms.send(MESSAGE, idempotency_key="key-1")
    assert not refused.value.permanent


def test_a_provider_that_does_not_answer_in_time_is_worth_another_try(settings: Any) -> None:
    settings.SMS_PROVIDER_TIMEOUT_SECONDS = 0.05
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as silent:
        settings.SMS_PROVIDER_URL = f"http://127.0.0.1:{silent.server_address[1]}/"
        with pytest.raises(ChannelError) as refused:
            sms.send(MESSAGE, idempotency_key="key-1")
    assert not refused.value.permanent


def test_an_email_carries_a_message_id_made_from_the_key(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "City <desk@city.example>"
    message = Message(to="ada@example.org", subject="Hello", body="World")
    assert [email.send(message, idempotency_key="key-1") for _ in range(2)] == [
        "<key-1@city.example>"
    ] * 2
    assert mail.outbox[0].message()["Message-ID"] == "<key-1@city.example>"
    assert (mail.outbox[0].to, mail.outbox[0].subject, mail.outbox[0].body) == (
        ["ada@example.org"],
        "Hello",
        "World",
    )


def test_a_mail_server_gets_the_message(mail_server: MailServer) -> None:
    email.send(
        Message(to="ada@example.org", subject="Hello", body="World"), idempotency_key="key-1"
    )
    (received,) = mail_server.received
    assert b"Message-ID: <key-1@" in received
    assert b"Subject: Hello" in received


@pytest.mark.parametrize(
    ("answer", "permanent"), [(b"550 no such box", True), (b"451 later", False)]
)
def test_a_recipient_refused_for_good_is_permanent(
    mail_server: MailServer, answer: bytes, permanent: bool
) -> None:
    mail_server.recipient_answer = answer
    with pytest.raises(ChannelError) as refused:
        email.send(
            Message(to="ada@example.org", subject="Hello", body="World"), idempotency_key="key-1"
        )
    assert refused.value.permanent is permanent
    assert "ada" not in str(refused.value)


def test_a_mail_server_that_is_away_is_worth_another_try(
    mail_server: MailServer, settings: Any
) -> None:
    settings.EMAIL_PORT = 9
    with pytest.raises(ChannelError) as refused:
        email.send(
            Message(to="ada@example.org", subject="Hello", body="World"), idempotency_key="key-1"
        )
    assert not refused.value.permanent


def send_mail(number: int) -> None:
    message = Message(to="ada@example.org", subject=f"Hello {number}", body="World")
    email.send(message, idempotency_key=f"key-{number}")


def test_messages_of_a_thread_go_over_one_connection(mail_server: MailServer) -> None:
    for number in range(5):
        send_mail(number)
    assert (len(mail_server.received), mail_server.connections) == (5, 1)


def test_a_connection_that_the_server_ended_is_opened_again(mail_server: MailServer) -> None:
    mail_server.hangs_up = True
    for number in range(3):
        send_mail(number)
    assert (len(mail_server.received), mail_server.connections) == (3, 3)


def test_a_connection_ends_after_a_number_of_messages_and_after_a_pause(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MESSAGES", 2)
    for number in range(4):
        send_mail(number)
    assert mail_server.connections == 2
    monkeypatch.setattr(connections, "IDLE_SECONDS", -1.0)
    send_mail(4)
    assert (len(mail_server.received), mail_server.connections) == (5, 3)


def test_a_refused_message_leaves_no_connection_behind(mail_server: MailServer) -> None:
    mail_server.recipient_answer = b"550 no such box"
    with pytest.raises(ChannelError):
        send_mail(1)
    mail_server.recipient_answer = b"250 ok"
    send_mail(2)
    assert (len(mail_server.received), mail_server.connections) == (1, 2)
