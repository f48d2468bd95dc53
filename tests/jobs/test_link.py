"""The connection to RabbitMQ: whatever ends it, its socket is closed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from jobs.transport.link import Link
from tests.jobs.conftest import wait_until


def sockets(url: str) -> int:
    """Return how many connections this process has to the broker."""
    port = urlsplit(url).port
    connections = psutil.Process().net_connections("tcp")
    return sum(bool(one.raddr) and one.raddr.port == port for one in connections)


@pytest.fixture
def link(rabbitmq_url: str) -> Iterator[Link]:
    link = Link(rabbitmq_url, "test")
    link.start()
    wait_until(lambda: link.is_connected, "the connection")
    yield link
    link.stop()


def test_an_error_in_its_thread_leaves_no_socket_behind(link: Link, rabbitmq_url: str) -> None:
    before, first = sockets(rabbitmq_url), link.generation
    done: list[int] = []
    link.call(lambda: done.append(1))
    wait_until(lambda: bool(done), "the loop")

    def fail() -> Any:
        raise ValueError

    link.call(fail)
    wait_until(lambda: link.generation != first and link.is_connected, "the next connection")
    assert sockets(rabbitmq_url) == before


def test_it_stops_at_once_while_rabbitmq_is_silent() -> None:
    """Also what waits for the channel does not delay it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = Link(f"amqp://guest:guest@127.0.0.1:{silent.getsockname()[1]}/", "test")
        link.start()
        accepted, _ = silent.accept()
        with accepted:
            assert accepted.recv(8) == b"AMQP\x00\x00\x09\x01"
            link.call(lambda: None)
            link.stop()
            assert not link.is_alive
            assert accepted.recv(1) == b"", "the connection is closed"
