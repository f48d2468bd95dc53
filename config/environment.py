"""The settings' values from the environment, of which each is refused unless it makes sense."""

from __future__ import annotations

import builtins
import gc
import ipaddress
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

#: The largest whole number of a column or a parameter of PostgreSQL.
WHOLE_MAX = 2_147_483_647
YEARS_MAX = 100
#: A hundred years in each unit, so that every time in the past or the future can be computed.
LARGEST_BY_UNIT = {
    "DAYS": YEARS_MAX * 365,
    "HOURS": YEARS_MAX * 365 * 24,
    "MINUTES": YEARS_MAX * 365 * 24 * 60,
    "SECONDS": YEARS_MAX * 365 * 24 * 3600,
    "BYTES": 2**50,
    "PORT": 65_535,
    "THREADS": 256,
}
#: Names of limits end in one of these; a limit of 0 allows nothing.
PERIODS = ("HOUR", "DAY", "MONTH")
TRUE, FALSE = ("on", "true", "yes", "y", "ok", "1"), ("off", "false", "no", "n", "0", "")


class Environment(environ.FileAwareEnv):  # type: ignore[misc]  # the library has no types
    """Reads values of the environment; a number must be within its bounds.

    Every method raises ImproperlyConfigured, whose message names the variable and what it may be.
    """

    def int(
        self, var: str, default: builtins.int, *, least: builtins.int | None = None,
        most: builtins.int | None = None,
    ) -> builtins.int:  # fmt: skip
        """Return a whole number from `least` to `most`, both included.

        Without them it is at least 1, or 0 for the limit of a period; the unit says how large it
        may be.
        """
        unit = var.rpartition("_")[2]
        bounds = (
            (0 if unit in PERIODS else 1) if least is None else least,
            LARGEST_BY_UNIT.get(unit, WHOLE_MAX) if most is None else most,
        )
        return int(self._number(var, default, int, "a whole number", bounds))

    def float(
        self, var: str, default: builtins.float, *, least: builtins.float = 0,
        most: builtins.float | None = None,
    ) -> builtins.float:  # fmt: skip
        """Return a number from `least` to `most`, both included; `most` may be infinite."""
        unit = var.rpartition("_")[2]
        largest = LARGEST_BY_UNIT.get(unit, WHOLE_MAX) if most is None else most
        return float(self._number(var, default, float, "a number", (least, largest)))

    def bool(self, var: str, default: builtins.bool) -> builtins.bool:
        """Return whether a switch is on."""
        text = self.str(var, default="on" if default else "off").strip().lower()
        if text not in {*TRUE, *FALSE}:
            raise ImproperlyConfigured(f"{var} must be on or off, not {text!r}.")
        return text in TRUE

    def one_of(self, var: str, choices: Sequence[builtins.str], default: builtins.str) -> str:
        """Return one of `choices`."""
        text: str = self.str(var, default=default)
        if text not in choices:
            raise ImproperlyConfigured(f"{var} must be one of {', '.join(choices)}, not {text!r}.")
        return text

    def time_zone(self, var: str, default: builtins.str) -> builtins.str:
        """Return the name of a time zone that is known."""
        name: builtins.str = self.str(var, default=default)
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError) as error:
            raise ImproperlyConfigured(f"{var}: there is no time zone {name!r}.") from error
        return name

    def db(self, var: str, default: builtins.str = "") -> dict[builtins.str, Any]:
        """Return Django's settings of a PostgreSQL server from its URL."""
        given: builtins.str = self.str(var, default=default)
        if urlsplit(given).scheme not in {"postgres", "postgresql"}:
            raise ImproperlyConfigured(f"{var} must be a URL like postgres://user@host:5432/name.")
        return dict(self.db_url_config(given))

    def amqp(self, var: str) -> builtins.str:
        """Return the URL of RabbitMQ, or an empty text."""
        given: builtins.str = self.str(var, default="")
        if given and urlsplit(given).scheme not in {"amqp", "amqps"}:
            raise ImproperlyConfigured(
                f"{var} must be a URL like amqp://user:password@host:5672/%2F."
            )
        return given

    def web_server(self, var: str) -> builtins.str:
        """Return the address of a server with http or https, without a slash at its end, or ""."""
        given: builtins.str = self.str(var, default="").rstrip("/")
        parts = urlsplit(given)
        if given and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query):
            raise ImproperlyConfigured(f"{var} must be an address like https://host:5000.")
        return given

    def keys(self, var: str) -> dict[builtins.str, builtins.str]:
        """Return keys by their names, from `name=key` separated by commas."""
        pairs = [pair.partition("=") for pair in self.list(var, default=[])]
        if not all(name and key for name, _, key in pairs):
            raise ImproperlyConfigured(f"{var} must be like name1=key1,name2=key2.")
        return {name: key for name, _, key in pairs}

    def networks(self, var: str) -> builtins.list[builtins.str]:
        """Return networks such as 10.1.0.0/16, separated by commas."""
        names: builtins.list[builtins.str] = self.list(var, default=[])
        for name in names:
            try:
                ipaddress.ip_network(name)
            except ValueError as error:
                raise ImproperlyConfigured(
                    f"{var} must name networks like 10.1.0.0/16, not {name!r}."
                ) from error
        return names

    def _number(
        self, var: str, default: builtins.float, kind: Any, noun: str, bounds: tuple[Any, Any]
    ) -> Any:
        text = self.get_value(var, default=str(default)).strip()
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not bounds[0] <= value <= bounds[1]:
            raise ImproperlyConfigured(f"{var} must be {noun} {_span(*bounds)}, not {text!r}.")
        return value


def _span(least: float, most: float) -> str:
    if most < math.inf:
        return f"from {least:,} to {most:,}"
    return f"of at least {least:,}, or inf"


def load_settings() -> None:
    """Load the settings; exit with one sentence where the environment makes no sense."""
    from django.conf import settings  # noqa: PLC0415 - not needed to read the environment

    try:
        settings.INSTALLED_APPS  # noqa: B018 - its first use loads them
    except ImproperlyConfigured as error:
        sys.exit(f"CivicLens cannot start: {error}")


@contextmanager
def loading() -> Iterator[None]:
    """Load modules without looking for garbage, now and later, among what stays in memory.

    It makes a start a seventh shorter, and forked processes keep sharing these pages.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
