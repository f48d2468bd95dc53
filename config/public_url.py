"""The address at which people reach an installation, where no setting names it."""

from __future__ import annotations

from collections.abc import Sequence


def suggested(allowed_hosts: Sequence[str], *, development_port: int | None) -> str:
    """Return the address that other settings suggest, or "" where they do not name one host.

    With a `development_port` it is this machine.
    """
    if development_port is not None:
        return f"http://127.0.0.1:{development_port}"
    host = allowed_hosts[0] if allowed_hosts else ""
    return "" if not host or host.startswith((".", "*")) else f"https://{host}"
