"""`manage.py rundramatiq`: run the workers, forked from a process that has loaded everything."""

from __future__ import annotations

import gc
import sys
from typing import Any

from django.db import connections
from django_dramatiq.management.commands import rundramatiq
from dramatiq import cli


class Command(rundramatiq.Command):  # type: ignore[misc]
    """Run Dramatiq workers in forked processes.

    django-dramatiq's own command would start Dramatiq anew. Forked workers start in half the time
    and share the memory of the loaded code.
    """

    def handle(self, **options: Any) -> None:
        """Run workers until a signal stops them, and exit with Dramatiq's status."""
        if options["use_gevent"]:
            super().handle(
                **options
            )  # replaces this process: gevent must patch before anything is loaded
        arguments = cli.make_argument_parser().parse_args(self._arguments(**options))
        connections.close_all()  # a connection must not be shared with the children
        gc.freeze()  # a collection in a child would copy the pages that all share
        sys.argv = [sys.executable, *sys.orig_argv[1:]]  # what Dramatiq runs again on SIGHUP
        sys.exit(cli.main(arguments))

    def _arguments(self, **options: Any) -> list[str]:
        """Return the options of this command as arguments of Dramatiq's."""
        arguments = [*self.discover_tasks_modules(), "--path", *options["path"]]
        for name in ("processes", "threads", "worker_shutdown_timeout", "pid_file", "log_file"):
            if options[name] is not None:
                arguments += [f"--{name.replace('_', '-')}", str(options[name])]
        for name in ("skip_logging", "use_spawn"):
            arguments += [f"--{name.replace('_', '-')}"] * options[name]
        for function in options["forks"]:
            arguments += ["--fork-function", function]
        if options["watch_dir"]:
            arguments += ["--watch", options["watch_dir"]] + ["--watch-use-polling"] * options[
                "use_polling_watcher"
            ]
        arguments += ["-v"] * (options["verbosity"] - 1)
        return arguments + (["--queues", *options["queues"]] if options["queues"] else [])
