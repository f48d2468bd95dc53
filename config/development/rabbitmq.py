"""A private RabbitMQ node on the loopback: with its own port, data, cookie and port mapper."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from config.development import processes

logging.getLogger("pika").setLevel(logging.CRITICAL)  # a refused connection is a normal result here

INSTALL_COMMAND = "apt-get install -y rabbitmq-server"
DISTRIBUTION_PORT_OFFSET = 20_000
PORTS = range(10_000, 32_768 - DISTRIBUTION_PORT_OFFSET)
STOP_SECONDS = 15
PROBE_SECONDS = 2
CONFIGURATION = """\
listeners.tcp.default = 127.0.0.1:{port}
loopback_users.guest = true
log.console = false
log.file = rabbitmq.log
log.file.level = info
"""


class RabbitmqError(processes.ServiceError):
    """RabbitMQ could not be found or started."""


def find_server() -> Path | None:
    """Return the path of RabbitMQ's start script, or None where it is not installed.

    Debian's wrapper in `/usr/sbin` is not used, since it changes the user.
    """
    return next((path for path in _candidates() if os.access(path, os.X_OK)), None)


class RabbitmqNode:
    """One broker with its files in `folder`; restarts keep its `url`.

    The data folder is locked by the broker process itself, so that a node which is still stopping
    and the next one can never write to it together.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder.resolve()
        self.port = port or _free_port()
        self.mapper_port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Return the id of the broker's process, or None before its start."""
        return self._server.pid if self._server else None

    def send_signal(self, number: int) -> None:
        """Send a signal, such as SIGSTOP, to the broker's process group, if it runs."""
        if self._server is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, number)

    def start(self) -> None:
        """Start the broker without waiting for it; see `wait_ready`.

        Raises:
            RabbitmqError: RabbitMQ is not installed.
        """
        server = find_server()
        if server is None:
            raise RabbitmqError(
                f"rabbitmq-server is not installed. Install it with: {INSTALL_COMMAND}"
            )
        self._write_configuration()
        self._start_mapper()
        with (
            processes.locked(self.folder / "lock") as lock,
            (self.folder / "console.log").open("ab") as log,
        ):
            environment = self._environment() | {
                "RABBITMQ_ALLOW_INPUT": "1"
            }  # replaces the shell by the server
            self._server = processes.spawn([str(server)], env=environment, log=log, pass_fds=[lock])

    def poll(self) -> int | None:
        """Return the exit status of the broker, or None while it runs."""
        return self._server.poll() if self._server else 0

    def answers(self) -> bool:
        """Return whether a client can connect and open the virtual host now; at most after seconds.

        A mere TCP connection proves nothing: a stopped process still accepts it, and a broker whose
        disk was full may have lost its virtual host.
        """
        parameters = pika.URLParameters(self.url)
        parameters.socket_timeout = parameters.stack_timeout = PROBE_SECONDS
        parameters.blocked_connection_timeout = PROBE_SECONDS
        try:
            pika.BlockingConnection(parameters).close()
        except (AMQPError, AMQPConnectorException, OSError):
            return False
        return True

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until the broker answers, `timeout` seconds at most.

        Raises:
            RabbitmqError: it ended, or the time is over.
        """
        processes.wait_for(lambda: self.poll() is not None or self.answers(), timeout)
        if self.poll() is not None or not self.answers():
            raise RabbitmqError(
                f"RabbitMQ did not start; see {self.folder}/console.log and {self.folder}/log."
            )

    def stop(self) -> None:
        """Stop the broker; its queues are kept."""
        for process, grace in ((self._server, STOP_SECONDS), (self._mapper, 1)):
            if process is not None:
                processes.stop_group(process, grace_seconds=grace)

    def kill(self) -> None:
        """Kill the broker at once, like a power failure."""
        for process in (self._server, self._mapper):
            if process is not None:
                processes.kill_group(process)

    def wipe(self) -> None:
        """Delete every queue and message of the stopped broker.

        Raises:
            RabbitmqError: it runs.
        """
        if self.poll() is None:
            raise RabbitmqError("Stop or kill the broker before wiping it.")
        with processes.locked(self.folder / "lock"):
            shutil.rmtree(self.folder / "data", ignore_errors=True)

    def rabbitmqctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` for this node and return its output.

        Raises:
            RabbitmqError: it failed; the message is its error output.
        """
        server = find_server()
        if server is None:
            raise RabbitmqError(
                f"rabbitmq-server is not installed. Install it with: {INSTALL_COMMAND}"
            )
        command = [str(server.with_name("rabbitmqctl")), "--quiet", *arguments]
        result = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise RabbitmqError(result.stderr or result.stdout)
        return result.stdout

    def _start_mapper(self) -> None:
        """Start Erlang's name server (epmd) as a child process.

        Otherwise RabbitMQ starts a shared daemon, which would outlive it.
        """
        if self._mapper is not None and self._mapper.poll() is None:
            return
        epmd = shutil.which("epmd")
        if epmd is None:
            raise RabbitmqError(
                "epmd is not on the PATH; it comes with Erlang (apt-get install -y erlang-base)."
            )
        with (self.folder / "console.log").open("ab") as log:
            self._mapper = processes.spawn([epmd], env=self._environment(), log=log)

    def _write_configuration(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "rabbitmq.conf").write_text(CONFIGURATION.format(port=self.port))
        (self.folder / "enabled_plugins").write_text("[].\n")

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RABBITMQ_", "ERL_"))
        }
        name = "civiclens_" + hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return inherited | {
            "HOME": str(self.folder),  # holds the Erlang cookie
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.mapper_port),
            "RABBITMQ_NODENAME": f"{name}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.port + DISTRIBUTION_PORT_OFFSET),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_SCHEMA_DIR": str(self.folder / "schema"),
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            # Loopback only; idle schedulers sleep instead of spinning on a small machine.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio "
                "none"
            ),
        }


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("RABBITMQ_HOME"):
        yield Path(home) / "sbin" / "rabbitmq-server"
    library = Path("/usr/lib/rabbitmq")
    yield library / "bin" / "rabbitmq-server"
    yield from sorted(library.glob("lib/*/sbin/rabbitmq-server"), reverse=True)
    program = shutil.which("rabbitmq-server")
    if program and Path(program).resolve().parent != Path("/usr/sbin"):
        yield Path(program).resolve()


def _free_port() -> int:
    """Return a free loopback port whose distribution port is free too.

    Both are outside the range of outgoing connections.
    """
    for port in random.sample(PORTS, len(PORTS)):
        if _is_free(port) and _is_free(port + DISTRIBUTION_PORT_OFFSET):
            return port
    raise RabbitmqError(f"No port is free between {PORTS[0]} and {PORTS[-1]}.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
