"""The identity of this process in the ledger: new after every fork."""

from __future__ import annotations

import os
from uuid import UUID

from uuid_utils.compat import uuid7


class _Identity:
    value: UUID = uuid7()


def process_id() -> UUID:
    """The id under which this process claims tasks and beats."""
    return _Identity.value


def _renew() -> None:
    _Identity.value = uuid7()


os.register_at_fork(after_in_child=_renew)
