"""The servers and the supervisor of a development machine, each with real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import LiteralString

import pika
import psycopg
import pytest

from config.development import processes, run, system
from config.development.environment import BASE_DIR
from config.development.postgres import PostgresServer
from config.development.rabbitmq import RabbitmqError, RabbitmqNode
from config.development.supervisor import (
    Backoff,
    LogReader,
    Probe,
    Program,
    Supervisor,
    tells_of_error,
)
from tests.faults.system import FELL_VIRTUAL_HOST

pytestmark = pytest.mark.slow

NO_SYNC = {"fsync": "off", "shared_buffers": "16MB"}


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> PostgresServer:
    folder = tmp_path_factory.mktemp("a-path-that-is-too-long-for-a-unix-socket-" + "x" * 60)
    return PostgresServer(folder / "postgres", NO_SYNC)


@pytest.fixture
def running_postgres(postgres: PostgresServer) -> PostgresServer:
    postgres.ensure_running()
    return postgres


@pytest.fixture(scope="module", autouse=True)
def _stop_postgres(postgres: PostgresServer) -> object:
    yield
    postgres.stop("immediate")


def _query(server: PostgresServer, sql: LiteralString) -> object:
    with psycopg.connect(
        host=str(server.socket_folder), user="postgres", autocommit=True
    ) as connection:
        row = connection.execute(sql).fetchone()
        return row[0] if row else None


def test_two_callers_at_once_start_one_server(postgres: PostgresServer) -> None:
    postgres.stop("immediate")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: postgres.ensure_running(), range(2)))
    pid = postgres.postmaster_pid()
    postgres.ensure_running()
    assert postgres.postmaster_pid() == pid is not None


def test_only_the_owner_may_open_the_socket(running_postgres: PostgresServer) -> None:
    assert (running_postgres.socket_folder / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    assert _query(running_postgres, "SHOW listen_addresses") == ""


def test_a_killed_server_comes_back_although_its_number_was_taken(
    running_postgres: PostgresServer,
) -> None:
    pid = running_postgres.postmaster_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert processes.wait_for(lambda: running_postgres.poll() is not None, 5)
    time.sleep(0.3)  # its children notice
    pid_file = running_postgres.folder / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(pid), str(os.getpid()), 1))
    running_postgres.ensure_running()
    assert _query(running_postgres, "SELECT 1") == 1


# --- RabbitMQ -------------------------------------------------------------------------------------


def _declare(node: RabbitmqNode, *, passive: bool) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(node.url))
    try:
        connection.channel().queue_declare("kept", durable=True, passive=passive)
    finally:
        connection.close()


@pytest.mark.campaign
def test_a_private_node_keeps_its_queues_over_a_stop_and_loses_them_by_a_wipe(
    rabbitmq_node: RabbitmqNode,
) -> None:
    _declare(rabbitmq_node, passive=False)
    assert "kept" in rabbitmq_node.rabbitmqctl("list_queues", "name")
    with pytest.raises(RabbitmqError):
        rabbitmq_node.wipe()

    rabbitmq_node.stop()  # what was declared a moment before a kill may not be on disk yet
    assert not rabbitmq_node.answers()
    rabbitmq_node.start()
    rabbitmq_node.wait_ready()
    _declare(rabbitmq_node, passive=True)

    rabbitmq_node.kill()
    rabbitmq_node.wipe()
    rabbitmq_node.start()
    rabbitmq_node.wait_ready()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        _declare(rabbitmq_node, passive=True)


# --- the supervisor -------------------------------------------------------------------------------


def _program(tmp_path: Path, code: str, *, niceness: int = 0) -> Program:
    command, log = [sys.executable, "-c", code], tmp_path / "program.log"
    return Program(command, dict(os.environ), log, niceness=niceness, stop_seconds=1)


def _pid(program: Program) -> int:
    assert program.process is not None
    return program.process.pid


def _is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_a_nice_child_is_nice_to_the_other_sessions_too(tmp_path: Path) -> None:
    autogroup = Path("/proc/self/autogroup")
    code = "import os, pathlib; print(os.nice(0), flush=True)\n"
    if autogroup.exists():
        code += f"print(pathlib.Path({str(autogroup)!r}).read_text())"
    program = _program(tmp_path, code, niceness=7)
    program.start()
    assert processes.wait_for(lambda: program.poll() is not None, 10)
    own, *of_session = program.log.read_text().split()
    assert own == "7"
    assert of_session[1:] == (["nice", "7"] if autogroup.exists() else [])


def test_a_dead_child_is_restarted(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    program = _program(tmp_path, "import time; time.sleep(60)")
    supervisor.start("sleeper", program)
    first = _pid(program)
    os.kill(first, signal.SIGKILL)

    def restarted() -> bool:
        supervisor.check()
        return _pid(program) != first

    assert processes.wait_for(restarted, 10)
    supervisor.stop()
    assert said == ["sleeper ended (signal 9); it starts again in 0.5 s."]
    assert program.poll() is not None


@pytest.mark.campaign
def test_a_broker_that_lives_but_does_not_answer_is_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.development.supervisor.SILENCE_SECONDS", 3.0)
    monkeypatch.setattr("config.development.supervisor.PROBE_PAUSE_SECONDS", 0.1)
    node = RabbitmqNode(tmp_path / "rabbitmq")
    said: list[str] = []
    has_answered = threading.Event()

    def answers() -> bool:
        is_answering = node.answers()
        if is_answering:
            has_answered.set()
        return is_answering

    def is_up() -> bool:
        supervisor.check()
        return has_answered.is_set()

    def is_restarted() -> bool:
        supervisor.check()
        return node.pid != before and node.answers()

    supervisor = Supervisor(said.append)
    supervisor.start("rabbitmq", node, probe=Probe(answers, node.kill))
    try:
        for break_it in (_freeze, _fell_virtual_host):
            has_answered.clear()
            assert processes.wait_for(is_up, 120), break_it
            before = node.pid
            break_it(node)
            assert processes.wait_for(is_restarted, 120), break_it
            assert "rabbitmq ended (signal 9)" in said.pop()
    finally:
        node.kill()


def _freeze(node: RabbitmqNode) -> None:
    node.send_signal(signal.SIGSTOP)


def _fell_virtual_host(node: RabbitmqNode) -> None:
    node.rabbitmqctl("eval", FELL_VIRTUAL_HOST)


def test_a_program_that_lives_but_does_not_answer_is_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The campaign does this to a broker."""
    monkeypatch.setattr("config.development.supervisor.SILENCE_SECONDS", 1.0)
    monkeypatch.setattr("config.development.supervisor.PROBE_PAUSE_SECONDS", 0.05)
    sign, said = tmp_path / "sign", list[str]()
    code = (
        f"import pathlib, time\nwhile True: pathlib.Path({str(sign)!r}).touch(); time.sleep(0.02)"
    )
    program, has_answered = _program(tmp_path, code), threading.Event()

    def answers() -> bool:
        sign.unlink(missing_ok=True)
        if is_answering := processes.wait_for(sign.exists, 0.5):
            has_answered.set()
        return is_answering

    def is_up() -> bool:
        supervisor.check()
        return has_answered.is_set()

    supervisor = Supervisor(said.append)
    supervisor.start(
        "echo", program, probe=Probe(answers, lambda: os.kill(_pid(program), signal.SIGKILL))
    )
    assert processes.wait_for(is_up, 60)
    first = _pid(program)
    os.kill(first, signal.SIGSTOP)

    def is_restarted() -> bool:
        supervisor.check()
        return _pid(program) != first

    assert processes.wait_for(is_restarted, 60)
    supervisor.stop()
    assert said[0] == "echo runs but has not answered for 1 s; it is killed."
    assert said[-1] == "echo ended (signal 9); it starts again in 0.5 s."


def test_a_service_that_never_answered_has_the_time_of_a_boot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("config.development.supervisor.BOOT_SILENCE_SECONDS", 0.0)
    asked = threading.Event()

    def answers() -> bool:
        asked.set()
        return False

    probe = Probe(answers, lambda: None)
    assert processes.wait_for(probe.is_silent, 10)
    assert asked.wait(10)
    monkeypatch.setattr("config.development.supervisor.BOOT_SILENCE_SECONDS", 3600.0)
    probe.restart()
    assert not probe.is_silent()


def test_stopping_ends_grandchildren_and_those_who_ignore_sigterm(tmp_path: Path) -> None:
    code = """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(child.pid, flush=True)
        time.sleep(60)
    """
    program = _program(tmp_path, textwrap.dedent(code))
    program.start()
    assert processes.wait_for(lambda: program.log.read_text().strip().isdecimal(), 10)
    grandchild = int(program.log.read_text())
    program.stop()
    assert program.poll() == -signal.SIGKILL
    assert processes.wait_for(lambda: not _is_alive(grandchild), 5)


def test_children_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    code = """
        import os, pathlib, sys, time
        from config.development.supervisor import Program
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        program = Program(command, os.environ, pathlib.Path(sys.argv[1]))
        program.start()
        print(program.process.pid, flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _is_alive(child)
        parent.kill()
    assert processes.wait_for(lambda: not _is_alive(child), 5)


def test_the_wait_doubles_for_a_child_that_keeps_dying_and_not_for_a_healthy_one() -> None:
    backoff = Backoff()
    assert [backoff.died(1.0), backoff.died(2.0), backoff.died(3.0)] == [0.5, 1.0, 2.0]
    assert [backoff.died(4.0) for _ in range(5)][-1] == 15.0
    backoff.started(10.0)
    assert backoff.died(100.0) == 0.5


def test_a_log_is_read_by_whole_lines_and_from_its_present_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old\n")
    reader = LogReader(path)
    with path.open("a") as log:
        log.write("one\nhalf")
        log.flush()
        assert reader.new_lines() == ["one"]
        log.write(" two\n")
    assert reader.new_lines() == ["half two"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[2026-01-01] [12] [ERROR] Worker failed to boot.", True),
        ('{"event": "task_dead", "level": "error"}', True),
        ("ImportError: no such module", True),
        ("--queues critical default", False),
        ("[INFO] 0 errors", False),
        ("[critical ] Consumer encountered a connection error: AMQPConnectionError", False),
    ],
)
def test_only_real_errors_are_shown(line: str, expected: bool) -> None:
    assert tells_of_error(line) is expected


# --- make run -------------------------------------------------------------------------------------


def test_rabbitmq_url_is_preferred_to_a_private_node(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RABBITMQ_URL", "amqp://broker.example.org")
    assert run.choose_transport(tmp_path).url == "amqp://broker.example.org"


def test_without_rabbitmq_the_ledger_carries_the_tasks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RABBITMQ_URL", raising=False)
    monkeypatch.setattr(run, "find_server", lambda: None)
    transport = run.choose_transport(tmp_path)
    assert transport.url == ""
    assert transport.description.startswith("embedded")


def test_a_slow_start_is_waited_for_as_long_as_the_programs_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "WAIT_NOTICE_SECONDS", 0.15)
    runner = run.Runner(tmp_path, port=1)
    runner.started_at -= 3600  # as if the demo city had taken an hour to load
    looks = iter([False, False, False, True])
    runner.await_start("the workers", lambda: next(looks))
    said = rf"Still waiting for the workers after \d s; see {tmp_path}/logs"
    assert re.search(said, capsys.readouterr().out)


def test_a_start_fails_when_a_program_ends_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.development.supervisor.SHORTEST_BACKOFF_SECONDS", 0)
    monkeypatch.setattr(run, "ENDS_UNTIL_FAILURE", 2)
    monkeypatch.setattr(run, "TICK_SECONDS", 0.01)
    runner = run.Runner(tmp_path, port=1)
    runner.supervisor.start("web", Program(["false"], dict(os.environ), tmp_path / "web.log"))
    with pytest.raises(run.StartError, match="web has ended 2 times; see "):
        runner.await_start("the web server", lambda: False)


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "80a", "8 0"])
def test_a_bad_port_is_refused(port: str) -> None:
    with pytest.raises(run.StartError, match="PORT must be"):
        run._parse_port(port)


def test_the_workers_metrics_get_ports_that_nobody_has() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first: int = taken.getsockname()[1]
        found = run.free_ports(first, count=2, besides=first + 1)
    assert len(set(found)) == 2
    assert min(found) > first + 1
    with pytest.raises(run.StartError, match="no 2 free ports"):
        run.free_ports(65_535, count=2, besides=0)


def test_a_ctrl_c_that_make_alone_heard_is_noticed(tmp_path: Path) -> None:
    script = """
        import time
        from config.development.run import _InterruptedMake
        interrupted_make = _InterruptedMake()
        print(bool(interrupted_make), flush=True)
        while not interrupted_make:
            time.sleep(0.05)
        print("noticed", flush=True)
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(script))
    (tmp_path / "Makefile").write_text(f"all:\n\t@exec {sys.executable} {tmp_path}/script.py\n")
    environment = os.environ | {"PYTHONPATH": str(BASE_DIR)}
    command = ["make", "--no-print-directory", "-C", str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as make:
        assert make.stdout is not None
        assert make.stdout.readline() == "False\n"
        make.send_signal(signal.SIGINT)
        assert make.stdout.readline() == "noticed\n"


def test_a_missing_package_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system, "_privilege", lambda: None)
    with pytest.raises(system.PackageMissingError, match="apt-get install -y rabbitmq-server"):
        system.ensure_package("rabbitmq-server", lambda: False)
