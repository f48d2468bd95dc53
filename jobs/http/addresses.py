"""Which IP addresses may be called when somebody else chose the address.

An address that a person typed, or that another machine redirects to, must not lead into our own
network (server-side request forgery, CWE-918). So a name is resolved first, and the connection goes
to the very address that was checked: a name that changes its mind in between (DNS rebinding) gains
nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.conf import settings

from jobs.errors import AddressRefused

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
SocketAddress = tuple[socket.AddressFamily, Any]

#: IPv6 addresses that hold an IPv4 address in their last 32 bits (RFC 6052): a gateway calls it.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: IpAddress) -> bool:
    """Return whether an address belongs to the public internet.

    IPv6 addresses that stand for an IPv4 address are judged by that.
    """
    if isinstance(address, ipaddress.IPv6Address) and (inner := _inner(address)) is not None:
        return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


@lru_cache(maxsize=8)
def _networks(names: tuple[str, ...]) -> list[IpNetwork]:
    return [ipaddress.ip_network(name) for name in names]


def is_allowed(text: str) -> bool:
    """Return whether connections to the IP address may be opened."""
    address = ipaddress.ip_address(text.partition("%")[0])
    allowed = _networks(tuple(settings.OUTBOUND_ALLOWED_NETWORKS))
    return is_public(address) or any(address in network for network in allowed)


def resolve(host: str, port: int) -> Iterator[SocketAddress]:
    """Yield the addresses of the host that may be called, in the order of the resolver.

    Raises:
        AddressRefused: the host has addresses, but none that may be called.
        OSError: the name cannot be resolved.
    """
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [entry for entry in entries if is_allowed(str(entry[4][0]))]
    if not allowed:
        raise AddressRefused
    for family, _, _, _, address in allowed:
        yield family, address
