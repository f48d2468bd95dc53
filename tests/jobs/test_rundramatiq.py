"""The worker command hands its options on to Dramatiq."""

from __future__ import annotations

from dramatiq import cli

from jobs.management.commands.rundramatiq import Command


def test_every_option_reaches_dramatiq() -> None:
    command = Command()
    given = [
        "--processes",
        "3",
        "--threads",
        "5",
        "--worker-shutdown-timeout",
        "7000",
        "--queues",
        "critical",
        "default",
    ]
    given += [
        "--pid-file",
        "workers.pid",
        "--log-file",
        "workers.log",
        "--skip-logging",
        "--use-spawn",
    ]
    given += [
        "--fork-function",
        "some.module:function",
        "--reload",
        "--reload-use-polling",
        "--verbosity",
        "2",
    ]
    options = vars(command.create_parser("manage.py", "rundramatiq").parse_args(given))
    taken = cli.make_argument_parser().parse_args(command._arguments(**options))
    assert (taken.processes, taken.threads, taken.worker_shutdown_timeout) == (3, 5, 7000)
    assert taken.queues == ["critical", "default"]
    assert (taken.pid_file, taken.log_file) == ("workers.pid", "workers.log")
    assert taken.skip_logging
    assert taken.use_spawn
    assert taken.forks == ["some.module:function"]
    assert taken.watch is not None
    assert taken.verbose == 1
    assert taken.broker == "django_dramatiq.setup"
