"""Run the search for a plan as a process of its own, and read what it finds."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import IO, Any

from django.conf import settings

from reports.dispatch.problem import Options, Problem, Solution
from reports.errors import DispatchUnavailable, SearchBroke

#: How often the caller is asked whether to go on while nothing better is found.
TICK_SECONDS = 1.0
ERROR_CHARACTERS = 2_000


def require_ortools() -> None:
    """Check that plans can be made here.

    Raises:
        DispatchUnavailable: OR-Tools is not installed.
    """
    if find_spec("ortools") is None:
        raise DispatchUnavailable


def improve(
    problem: Problem, options: Options, start: Solution | None
) -> Generator[Solution | None]:
    """Yield each better plan, and the best after each round; None when a second passed without one.

    The search ends with the iteration: a caller that stops early ends it.

    Raises:
        DispatchUnavailable: OR-Tools is not installed.
        SearchBroke: the process of the search failed.
    """
    require_ortools()
    sent = asdict(options) | {"start": asdict(start) if start else None, "parent": os.getpid()}
    with _searching(json.dumps(sent), problem.as_json()) as search:
        yield from search.solutions()


@dataclass(slots=True)
class _Search:
    """A search in a process of its own; the function `talk` runs in a thread of this process."""

    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    lines: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)

    def solutions(self) -> Iterator[Solution | None]:
        """Yield what the search prints, until it has ended."""
        while True:
            try:
                line = self.lines.get(timeout=TICK_SECONDS)
            except queue.Empty:
                yield None
                continue
            if not line:
                break
            yield Solution(**json.loads(line))
        if self.process.wait() != 0:
            self.errors.seek(0)
            text = self.errors.read().decode(errors="replace")
            raise SearchBroke(
                f"It ended with {self.process.returncode}: {text[-ERROR_CHARACTERS:]}"
            )

    def talk(self, problem: bytes) -> None:
        """Send the problem to the process, and put the lines that it prints into `lines`.

        An empty line says that the process has ended.
        """
        assert self.process.stdin is not None  # noqa: S101 - both are pipes
        assert self.process.stdout is not None  # noqa: S101
        try:
            with self.process.stdin as stdin:
                stdin.write(problem)
        except BrokenPipeError:
            pass  # it has ended; its error says why
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(b"")


@contextmanager
def _searching(options: str, problem: str) -> Iterator[_Search]:
    with tempfile.TemporaryFile() as errors, _process(options, errors) as process:
        search = _Search(process, errors)
        reader = threading.Thread(target=search.talk, args=(problem.encode(),), daemon=True)
        reader.start()
        try:
            yield search
        finally:
            process.kill()
            reader.join()


def _process(options: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "reports.dispatch.search", options]
    environment: dict[str, Any] = {"PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
