"""Webhooks send by themselves: there is nothing to fetch and nothing to configure."""

from __future__ import annotations

from collections.abc import Iterator

from reports.collection.kinds.checking import require_options
from reports.collection.kinds.protocol import Batch, SourceFault, SourceMisconfigured
from reports.models import Source


def check(source: Source) -> None:
    """Check that nothing was configured."""
    require_options(source, {})
    if source.address:
        raise SourceMisconfigured("A webhook has no address: its sender calls ours.")


def collect(source: Source) -> Iterator[Batch]:
    """Raise a SourceFault: only a test at the desk comes here."""
    raise SourceFault(f"{source.name} is not asked: its sender calls ours.")
