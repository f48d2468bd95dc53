"""Installation of Debian packages, or the exact command for it where this process may not install.

`python -m config.development.system [spark]` installs RabbitMQ, PgBouncer and Chromium, which tests
need, and what Apache Spark needs. It uses the standard library only, since it runs before the
virtual environment exists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

INSTALL_CHROMIUM = "apt-get install -y chromium-headless-shell"


class PackageMissingError(Exception):
    """A Debian package is missing and cannot be installed from here."""


def ensure_package(package: str, is_present: Callable[[], bool]) -> None:
    """Install the package unless it is there.

    `is_present` decides whether that worked, not the status of apt-get: it also covers the start of
    the package's system service, which a container may refuse.

    Raises:
        PackageMissingError: it cannot be installed from here; the message has the command.
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
            f"{package} is not installed. Install it with:\n    sudo apt-get install -y "
            f"{package}\nand run this again."
        )


def ensure_rabbitmq() -> None:
    """Install rabbitmq-server unless it is there or RABBITMQ_URL is set.

    Raises:
        PackageMissingError: it cannot be installed from here.
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


def find_chromium() -> str | None:
    """Return the path of Chromium, or None where it is not installed.

    The one that can open no window does the same work with two thirds of the computing.
    """
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


def ensure_chromium() -> None:
    """Install Chromium, in which tests look at the desk, unless it is there.

    Raises:
        PackageMissingError: it cannot be installed from here.
    """
    ensure_package("chromium-headless-shell", lambda: find_chromium() is not None)


def ensure_spark() -> None:
    """Install what Apache Spark needs of Debian unless it is there: Java and PostgreSQL's driver.

    Raises:
        PackageMissingError: it cannot be installed from here.
    """
    ensure_package("openjdk-17-jre-headless", lambda: shutil.which("java") is not None)
    ensure_package("libpostgresql-jdbc-java", Path("/usr/share/java/postgresql.jar").is_file)


def _privilege() -> list[str] | None:
    """Return the prefix that runs apt-get as root; None where a password would be needed."""
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
        ensure_chromium()
        if "spark" in sys.argv[1:]:
            ensure_spark()
    except PackageMissingError as error:
        sys.exit(str(error))
