"""A number that grows whenever opportunities change, so that older cached rankings are not used."""

from __future__ import annotations

from django.db import transaction

from jobs.ledger.database import execute, fetch


def current() -> int:
    """Return the current generation."""
    [(number,)] = fetch("SELECT last_value FROM matching_generation", ())
    return int(number)


def advance() -> None:
    """Start a new generation, because opportunities change in the caller's transaction.

    It is counted at once, in case this process dies, and again after the commit: rankings computed
    in between did not see the change.
    """
    _next()
    transaction.on_commit(_next)


def _next() -> None:
    execute("SELECT nextval('matching_generation')", ())
