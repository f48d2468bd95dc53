"""Calls to addresses that somebody else chose: only public ones, within bounds."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.conf import LazySettings

from jobs.errors import AddressRefused
from jobs.http import addresses
from jobs.http.outbound import (
    AddressInvalid,
    AnswerBroken,
    AnswerTooLarge,
    BadStatus,
    Bounds,
    Client,
    GuardedSession,
    TooManyRedirects,
    TooSlow,
    Unreachable,
)
from tests.reports.outside import Outside, Reply, outside_server

QUICK = Bounds(silence_seconds=2, total_seconds=0.5, body_bytes=1_000)


@pytest.fixture
def server(settings: LazySettings) -> Iterator[Outside]:
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with outside_server() as outside:
        yield outside


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(GuardedSession(user_agent="tests", bounds=QUICK)) as one:
        yield one


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "fe80::1", "fc00::1", "::",
        "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_of_our_own_network_are_not_public(address: str) -> None:
    assert not addresses.is_allowed(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_other_addresses_are_public(address: str) -> None:
    assert addresses.is_allowed(address)


def test_a_setting_allows_a_network(settings: LazySettings) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = ["10.1.0.0/16"]
    assert addresses.is_allowed("10.1.2.3")
    assert not addresses.is_allowed("10.2.2.3")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::ffff:127.0.0.1]:1/"]
)
def test_a_private_address_is_refused_by_whatever_name(
    client: Client, settings: LazySettings, address: str
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = []
    with pytest.raises(AddressRefused):
        client.get(address)


def test_a_redirect_into_the_own_network_is_refused(client: Client, server: Outside) -> None:
    server.gives("/", Reply(status=302, headers={"Location": "http://10.0.0.1/secret"}))
    with pytest.raises(AddressRefused):
        client.get(f"{server.url}/")


def test_the_connection_goes_to_the_address_that_was_checked(
    client: Client, server: Outside, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to a public address first and to ours next is looked up once."""
    settings.OUTBOUND_ALLOWED_NETWORKS = []
    looked_up: list[str] = []

    def rebinding(host: str, port: int, **_: object) -> list[object]:
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) > 1 else "203.0.113.7"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    dialled: list[str] = []

    def connect(_: socket.socket, address: tuple[str, int]) -> None:
        dialled.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(addresses, "is_public", lambda one: str(one) == "203.0.113.7")
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(Unreachable):
        client.get("http://rebinding.example.org/")
    assert (looked_up, dialled) == (["rebinding.example.org"], ["203.0.113.7"])


def test_a_call_follows_redirects_to_an_end(client: Client, server: Outside) -> None:
    server.gives("/old", Reply(status=301, headers={"Location": "/new"}))
    server.gives("/new", Reply("here", headers={"Set-Cookie": "a=b"}))
    answer = client.get(f"{server.url}/old", parameters={"q": "ü"})
    assert (answer.content, answer.address) == (b"here", f"{server.url}/new")
    client.get(f"{server.url}/new")
    assert "cookie" not in server.asked[-1].headers
    server.gives("/new", Reply(status=302, headers={"Location": "/old"}))
    with pytest.raises(TooManyRedirects):
        client.get(f"{server.url}/old")


def test_an_answer_is_bounded_as_it_is_after_decompression(client: Client, server: Outside) -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    server.gives("/plain", Reply(b"0" * 1_001))
    server.gives("/bomb", Reply(bomb, headers={"Content-Encoding": "gzip"}))
    for path in ("/plain", "/bomb"):
        with pytest.raises(AnswerTooLarge):
            client.get(server.url + path)


def test_an_answer_that_breaks_off_or_lies_is_an_error(client: Client, server: Outside) -> None:
    server.gives("/cut", Reply(b"0" * 100, is_cut=True))
    server.gives("/lie", Reply(b"no gzip", headers={"Content-Encoding": "gzip"}))
    for path in ("/cut", "/lie"):
        with pytest.raises(AnswerBroken):
            client.get(server.url + path)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_machine_that_drips_is_left(client: Client, server: Outside, start: bytes) -> None:
    """Neither in the headers nor in the body it can hold the caller by a byte now and then."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        is_over = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with closing(connection):
                connection.sendall(start)
                while not is_over.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(TooSlow):
            client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        is_over.set()


def test_an_error_says_how_long_to_wait(client: Client, server: Outside) -> None:
    server.gives("/", Reply(status=503, headers={"Retry-After": "77"}))
    with pytest.raises(BadStatus) as caught:
        client.get(f"{server.url}/")
    assert caught.value.status == 503
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 77


@pytest.mark.parametrize("address", ["", "feed", "file:///etc/passwd", "ftp://a/", "http://[/"])
def test_an_address_that_is_no_url_is_named_so(client: Client, address: str) -> None:
    with pytest.raises(AddressInvalid):
        client.get(address)


def test_a_machine_that_does_not_answer_is_unreachable(client: Client, server: Outside) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable):
        client.get(f"http://127.0.0.1:{port}/")


def test_every_request_of_a_call_waits_for_its_turn(server: Outside) -> None:
    hosts: list[str] = []
    server.gives("/old", Reply(status=301, headers={"Location": "/new"}))
    server.gives("/new", Reply("here"))
    session = GuardedSession(user_agent="tests", bounds=QUICK, before=hosts.append)
    with Client(session) as client:
        client.get(f"{server.url}/old")
    assert hosts == ["127.0.0.1", "127.0.0.1"]
