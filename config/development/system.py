"""Installs a Debian package where this process may, and says exactly what to do where it may not.

Standard library only: it runs before the virtual environment exists. `python -m
config.development.system` makes sure that a RabbitMQ and a PgBouncer for tests are there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable


class PackageMissingError(Exception):
    """A Debian package is missing and cannot be installed from here."""


def ensure_package(package: str, is_present: Callable[[], bool]) -> None:
    """The package is installed afterwards. Raises PackageMissingError with the command that
    installs it.

    Whether it worked is asked of `is_present`, not of apt-get, whose status also covers the system
    service that a package starts, and which a container may refuse.
    """
    if is_present():
        return
    prefix = _privilege()
    if prefix is not None:
        print(f"Installing {package} …", flush=True)
        for arguments in (("update",), ("install", "-y", "--no-install-recommends", package)):
            _apt_get(prefix, *arguments)
    if not is_present():
        raise PackageMissingError(
            f"{package} is not installed. Install it with:\n    sudo apt-get install -y {package}\nand run this again."
        )


def ensure_rabbitmq() -> None:
    """RABBITMQ_URL is set or a rabbitmq-server is installed afterwards.

    Raises PackageMissingError.
    """
    from config.development.rabbitmq import find_server  # noqa: PLC0415 - not needed to make the environment

    if not os.environ.get("RABBITMQ_URL"):
        ensure_package("rabbitmq-server", lambda: find_server() is not None)


def ensure_pgbouncer() -> None:
    """Install pgbouncer unless it is there.

    Raises:
        PackageMissingError: it cannot be installed from here.
    """
    from config.development.pgbouncer import find_server  # noqa: PLC0415 - not needed to make the environment

    ensure_package("pgbouncer", lambda: find_server() is not None)


def _privilege() -> list[str] | None:
    """The command prefix that makes apt-get run as root, or None where there is none without
    asking.
    """
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    allowed = (
        shutil.which("sudo")
        and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    )
    return sudo if allowed else None


def _apt_get(prefix: list[str], *arguments: str) -> None:
    subprocess.run(
        [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", *arguments],
        stdin=subprocess.DEVNULL,
        check=False,
    )


if __name__ == "__main__":
    try:
        ensure_rabbitmq()
        ensure_pgbouncer()
    except PackageMissingError as error:
        sys.exit(str(error))
