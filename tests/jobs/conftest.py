"""Real worker processes for the tests of the ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pika
import psycopg
import pytest
from django.db import connection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from config.development.rabbitmq import RabbitmqNode
from jobs.models import Task, Worker
from jobs.states import TERMINAL_STATES

BASE_DIR = Path(__file__).resolve().parents[2]
#: Only a failing test waits so long, so it may be long enough for a machine that does much else.
PATIENCE_SECONDS = 60.0
#: Leases are short, so that a rescue does not take a test a quarter of a minute; and nothing comes
#: by the clock.
QUICK = {
    "JOBS_HEARTBEAT_SECONDS": "0.3",
    "JOBS_LEASE_SECONDS": "2",
    "JOBS_SCHEDULE": "",
}


def wait_until(condition: Callable[[], bool], what: str, timeout: float = PATIENCE_SECONDS) -> None:
    """Return once `condition()` holds; fail the test, naming `what`, when it does not in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            counts = dict(Counter(Task.objects.values_list("actor", "state")))
            pytest.fail(
                f"Waited {timeout:.0f} s in vain for {what}; tasks: {counts}", pytrace=False
            )
        time.sleep(0.05)


def wait_until_drained() -> None:
    """Return once every task has ended."""
    wait_until(
        lambda: not Task.objects.exclude(state__in=TERMINAL_STATES).exists(), "every task to end"
    )


def consumers_of(node: RabbitmqNode) -> int:
    """Return how many worker processes consume the queue `default`; 0 while the broker is away."""
    try:
        with pika.BlockingConnection(pika.URLParameters(node.url)) as broker:
            answer = broker.channel().queue_declare("civiclens.default.v1", passive=True)
            return int(answer.method.consumer_count)
    except (AMQPError, AMQPConnectorException, OSError):
        return 0


class Workers:
    """The `manage.py rundramatiq` processes of one test."""

    def __init__(self, environment: dict[str, str], log_folder: Path) -> None:
        self.environment = environment
        self._log_folder = log_folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(
        self, *, processes: int = 1, threads: int = 4, queues: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Start one `rundramatiq` and wait until its workers beat."""
        before = set(Worker.objects.values_list("id", flat=True))
        command = [
            sys.executable,
            "manage.py",
            "rundramatiq",
            "--skip-checks",  # those of tests/faults start with them
            "--processes",
            str(processes),
            "--threads",
            str(threads),
        ]
        command += ["--worker-shutdown-timeout", "3000", *(["--queues", *queues] if queues else [])]
        with (self._log_folder / f"worker-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        wait_until(
            lambda: (
                Worker.objects.exclude(id__in=before).filter(stopped_at=None).count() >= processes
            ),
            "workers to boot",
        )
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL the whole process group."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self) -> str:
        """What the workers printed."""
        return "\n".join(
            path.read_text(errors="replace")
            for path in sorted(self._log_folder.glob("worker-*.log"))
        )

    def stop_all(self) -> None:
        """Nothing of this test runs on."""
        for process in self.processes:
            self.kill(process)


@pytest.fixture(params=["rabbitmq", pytest.param("embedded", marks=pytest.mark.campaign)])
def transport(request: pytest.FixtureRequest) -> str:
    """Both transports keep the same promises.

    Workers without RabbitMQ are killed in the tests of reports too.
    """
    return str(request.param)


@pytest.fixture
def transport_environment(transport: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment that selects the transport, for this process and for workers."""
    url = request.getfixturevalue("rabbitmq_url") if transport == "rabbitmq" else ""
    return {
        "JOBS_TRANSPORT": transport,
        "RABBITMQ_URL": url,
        "JOBS_QUEUE_PREFIX": f"test-{uuid4().hex[:8]}",
    }


@pytest.fixture
def workers(
    process_environment: dict[str, str],
    transport_environment: dict[str, str],
    transactional_db: None,
    tmp_path: Path,
) -> Iterator[Workers]:
    """Starts real workers on the test database and the chosen transport; kills them afterwards."""
    environment = process_environment | transport_environment | QUICK
    environment["DJANGO_SETTINGS_MODULE"] = "tests.jobs.probe.settings"
    pool = Workers(environment, tmp_path)
    yield pool
    pool.stop_all()


@pytest.fixture
def second_connection() -> Iterator[psycopg.Connection]:
    """Another session on the test database, in a transaction."""
    with psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": None, "context": None}
    ) as other:
        yield other
