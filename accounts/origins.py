"""The client of a request: its address, its network and its user agent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

#: RFC 7239: `for=192.0.2.60;proto=https`, `For="[2001:db8:cafe::17]:4711"`.
_FORWARDED_FOR = re.compile(r'(?:^|;)\s*for=(?P<node>"[^"]*"|[^;\s]*)', re.IGNORECASE)
_WITHOUT_PORT = re.compile(r"^(?:\[([^\]]*)\]|(\d+\.\d+\.\d+\.\d+))(?::\d*)?$")


_current: ContextVar[Origin | None] = ContextVar("accounts.origins.current", default=None)


@dataclass(frozen=True, slots=True)
class Origin:
    """A client's address (None when unknown) and its user agent."""

    ip_address: str | None
    user_agent: str = ""

    @property
    def host(self) -> str:
        """Return the network of one subscriber: an IPv4 address, or an IPv6 /64."""
        return self._network(32, 64)

    @property
    def network(self) -> str:
        """Return the surrounding network: an IPv4 /24, or an IPv6 /48."""
        return self._network(24, 48)

    @property
    def pseudonym(self) -> UUID:
        """Return an id of the subscriber that reveals the address only to holders of SECRET_KEY."""
        digest = salted_hmac("civiclens.origin", self.host, algorithm="sha256").digest()
        return UUID(bytes=digest[:16], version=4)

    def _network(self, v4_bits: int, v6_bits: int) -> str:
        if self.ip_address is None:
            return "unknown"
        bits = v4_bits if ip_address(self.ip_address).version == 4 else v6_bits
        return str(ip_network(f"{self.ip_address}/{bits}", strict=False))


@contextmanager
def bound(origin: Origin) -> Iterator[None]:
    """Make `origin` the client of all that happens within the block."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Origin:
    """Return the client of the present request; outside a request, one without an address."""
    return _current.get() or Origin(None)


def is_known() -> bool:
    """Return whether the code runs within a request."""
    return _current.get() is not None


def of_request(request: HttpRequest) -> Origin:
    """Return the client of a request that passed `TRUSTED_PROXY_COUNT` reverse proxies.

    Each proxy appends to `TRUSTED_PROXY_HEADER`; what clients put there stands further left and is
    not trusted.
    """
    hops = [request.META.get("REMOTE_ADDR", "")]
    if settings.TRUSTED_PROXY_COUNT:
        hops = [*_forwarded(request), *hops]
    address = hops[max(0, len(hops) - 1 - settings.TRUSTED_PROXY_COUNT)]
    user_agent = request.META.get("HTTP_USER_AGENT", "")[:200].replace("\x00", "")
    return Origin(_canonical(address), user_agent)


def address_of_request(request: HttpRequest) -> str | None:
    """Return the client's address, for django-axes."""
    return of_request(request).ip_address


def _forwarded(request: HttpRequest) -> list[str]:
    """Return the addresses that proxies recorded, the one nearest to the client first.

    There are none where the client reached this server past the proxies.
    """
    header = request.headers.get(settings.TRUSTED_PROXY_HEADER, "")
    hops = header.split(",") if header.strip() else []
    if settings.TRUSTED_PROXY_HEADER != "Forwarded":
        return hops
    return [match["node"] if (match := _FORWARDED_FOR.search(hop)) else "" for hop in hops]


def _canonical(text: str) -> str | None:
    """Return an address in its canonical spelling and without a port; None where it is none."""
    try:
        address = ip_address(_WITHOUT_PORT.sub(r"\1\2", text.strip().strip('"')).split("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
