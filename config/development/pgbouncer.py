"""A private PgBouncer in transaction mode for tests, on the loopback, before any PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from pwd import getpwnam

from config.development import processes
from config.development.postgres import SYSTEM_USER

INSTALL_COMMAND = "apt-get install -y pgbouncer"
STOP_SECONDS = 5
CONFIGURATION = """\
[databases]
* = {target} connect_query='{connect_query}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
ignore_startup_parameters = options,extra_float_digits
"""


class PgBouncerError(processes.ServiceError):
    """PgBouncer could not be found or started."""


def find_server() -> Path | None:
    """Return the path of pgbouncer, also where only root's PATH has it, as on Debian; or None."""
    program = shutil.which(
        "pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    )
    return Path(program) if program else None


class PgBouncer:
    """One pooler with its files in `folder`; databases of the server keep their names.

    `host` and `port` are the server's; a host that is a path is the folder of a unix socket. Each
    new session of the pool begins with `connect_query`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str,
        port: int = 5432,
        users: Mapping[str, str],
        pool_size: int = 4,
        connect_query: str = "SELECT 1",
    ) -> None:
        self.folder = folder.resolve()
        self.port = _free_port()
        self._target = f"host={host} port={port}"
        self._users = users
        self._pool_size = pool_size
        self._connect_query = connect_query.replace("'", "''")
        self._server: subprocess.Popen[bytes] | None = None

    def url_of(self, user: str, database: str = "postgres") -> str:
        """Return the URL by which `user`, who has no password, reaches a database."""
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start PgBouncer and wait until it accepts connections.

        Raises:
            PgBouncerError: it is not installed, or it ended at once; the message names its log.
        """
        program = find_server()
        if program is None:
            raise PgBouncerError(f"pgbouncer is not installed. Install it with: {INSTALL_COMMAND}")
        self._write_configuration()
        command = [str(program), str(self.folder / "pgbouncer.ini")]
        if os.geteuid() == 0:  # it refuses to run as root
            command += ["-u", SYSTEM_USER]
        with (self.folder / "log").open("ab") as log:
            self._server = processes.spawn(command, env=os.environ, log=log)
        processes.wait_for(lambda: self.poll() is not None or self.answers(), 30)
        if self.poll() is not None or not self.answers():
            raise PgBouncerError(f"PgBouncer did not start; see {self.folder}/log.")

    def poll(self) -> int | None:
        """Return the exit status of PgBouncer, or None while it runs."""
        return self._server.poll() if self._server else 0

    def answers(self) -> bool:
        """Return whether PgBouncer accepts connections now."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """Stop PgBouncer and end its clients' connections."""
        if self._server is not None:
            processes.stop_group(self._server, grace_seconds=STOP_SECONDS)

    def _write_configuration(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = CONFIGURATION.format(
            target=self._target,
            connect_query=self._connect_query,
            port=self.port,
            folder=self.folder,
            pool_size=self._pool_size,
        )
        users = "".join(f'"{name}" "{password}"\n' for name, password in self._users.items())
        for name, text in (("pgbouncer.ini", configuration), ("users.txt", users)):
            path = self.folder / name
            path.write_text(text)
            if os.geteuid() == 0:
                owner = getpwnam(SYSTEM_USER)
                os.chown(path, owner.pw_uid, owner.pw_gid)
        if os.geteuid() == 0:
            os.chown(self.folder, getpwnam(SYSTEM_USER).pw_uid, -1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
