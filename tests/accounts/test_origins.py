"""Where a request comes from, behind proxies too."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from accounts import origins
from accounts.origins import Origin


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "198.51.100.1", "192.0.2.1"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 192.0.2.9", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
        (1, "", "192.0.2.1"),
        (1, "nonsense", None),
        (1, "203.0.113.7:50123", "203.0.113.7"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, '"[2001:DB8::1]"', "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "[::ffff:203.0.113.7]:443", "203.0.113.7"),
        (2, "6.6.6.6:1, 203.0.113.7:50123, 192.0.2.9:443", "203.0.113.7"),
        (1, "203.0.113.7:http", None),
        (1, "[203.0.113.7", None),
    ],
)
def test_only_what_trusted_proxies_said_counts(
    settings: Any, proxies: int, forwarded: str, expected: str | None
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert origins.of_request(request).ip_address == expected


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (1, "for=203.0.113.7:50123;proto=https", "203.0.113.7"),
        (1, 'proto=https; For="[2001:db8::1]:443"', "2001:db8::1"),
        (1, "for=6.6.6.6, for=203.0.113.7", "203.0.113.7"),
        (2, 'for=6.6.6.6, for=203.0.113.7, for="[2001:db8::1]"', "203.0.113.7"),
        (1, "for=unknown", None),
        (1, "for=_hidden;by=203.0.113.7", None),
        (1, "by=203.0.113.7", None),
    ],
)
def test_the_standard_header_is_read_where_the_proxies_write_it(
    settings: Any, proxies: int, forwarded: str, expected: str | None
) -> None:
    settings.TRUSTED_PROXY_COUNT, settings.TRUSTED_PROXY_HEADER = proxies, "Forwarded"
    headers = {"Forwarded": forwarded, "X-Forwarded-For": "6.6.6.6"}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers=headers)
    assert origins.of_request(request).ip_address == expected
    settings.TRUSTED_PROXY_HEADER = "X-Forwarded-For"
    assert origins.of_request(request).ip_address == "6.6.6.6"


@pytest.mark.parametrize(
    ("address", "host", "network"),
    [
        ("203.0.113.7", "203.0.113.7/32", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        (None, "unknown", "unknown"),
    ],
)
def test_neighbours_share_a_network(address: str | None, host: str, network: str) -> None:
    origin = Origin(address)
    assert (origin.host, origin.network) == (host, network)


def test_a_mapped_address_is_the_address_it_maps() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="::ffff:203.0.113.7", HTTP_USER_AGENT="x" * 999)
    origin = origins.of_request(request)
    assert origin.ip_address == "203.0.113.7"
    assert len(origin.user_agent) == 200
