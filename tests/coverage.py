"""Coverage of the product's code by the tests: which statements and branches never ran.

A probe stands before each statement of the modules that a test process imports: a store into an
array. A tracer such as coverage.py doubles the processor time of a run on Python 3.11, since it
steps through the code of Django and of the tests too. Each process of pytest-xdist sends its arrays
to the first process, which prints the result. What runs in processes that tests start is not seen.
"""

from __future__ import annotations

import ast
import marshal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import cache_from_source
from itertools import groupby
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent
PACKAGES = (
    "accounts",
    "config",
    "desk",
    "embeddings",
    "georeport",
    "imports",
    "jobs",
    "matching",
    "notifications",
    "portal",
    "reports",
    "spark",
)
ARRAY = "_statements_seen"  # its name in each module
BLOCKS = ("body", "orelse", "finalbody")


@dataclass
class Probes:
    """The probes of one file."""

    #: The line of the statement behind each; 0 where a probe only marks an arm of a branch.
    lines: list[int] = field(default_factory=list)
    #: Line of each branch, and the probes of its two arms.
    branches: list[tuple[int, int, int]] = field(default_factory=list)

    @cached_property
    def seen(self) -> bytearray:
        """The array in which a probe that ran is 1."""
        return bytearray(len(self.lines))


#: The probes of the modules that this process imported, by the path of the file.
measured: dict[str, Probes] = {}
#: What the processes of pytest-xdist saw, by the path of the file.
seen: dict[str, bytearray] = {}


# --- Probes ---------------------------------------------------------------------------------------


def instrument(source: bytes, path: str) -> tuple[ast.Module, Probes]:
    """Return the syntax tree of a file with its probes."""
    tree, probes = ast.parse(source, path), Probes()
    tree.body = _with_probes(tree.body, probes)[0]
    return ast.fix_missing_locations(tree), probes


def _with_probes(statements: list[ast.stmt], probes: Probes) -> tuple[list[ast.stmt], int | None]:
    """Return the statements with probes, and the first of these."""
    block: list[ast.stmt] = []
    first: int | None = None
    for statement in statements:
        if not _is_left_out(statement):
            first = len(probes.lines) if first is None else first
            block.append(_probe(statement, probes, line=statement.lineno))
            _look_inside(statement, probes)
        block.append(statement)
    return block, first


def _is_left_out(statement: ast.stmt) -> bool:
    """Return whether nothing runs there: docstrings, `...`, imports for types, abstract methods."""
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Global() | ast.Nonlocal():
            return True
        case ast.ImportFrom(module="__future__") | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
    return False


def _probe(statement: ast.stmt, probes: Probes, *, line: int) -> ast.stmt:
    index = len(probes.lines)
    probes.lines.append(line)
    place = ast.Subscript(ast.Name(ARRAY, ast.Load()), ast.Constant(index), ast.Store())
    return ast.copy_location(ast.Assign([place], ast.Constant(1)), statement)


def _look_inside(statement: ast.stmt, probes: Probes) -> None:
    """Put probes before the statements inside this one, and mark its arms if it branches."""
    arms = {}
    for name in BLOCKS:
        if block := getattr(statement, name, None):
            block, arms[name] = _with_probes(block, probes)
            setattr(statement, name, block)
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        part.body = _with_probes(part.body, probes)[0]
    if isinstance(statement, ast.If | ast.For | ast.AsyncFor | ast.While):
        _mark_arms(statement, arms, probes)


def _mark_arms(
    statement: ast.If | ast.For | ast.AsyncFor | ast.While,
    arms: dict[str, int | None],
    probes: Probes,
) -> None:
    if isinstance(statement, ast.While) and isinstance(statement.test, ast.Constant):
        return  # it has one way only
    if not statement.orelse:
        arms["orelse"] = len(probes.lines)
        statement.orelse = [_probe(statement, probes, line=0)]
    first, second = arms["body"], arms["orelse"]
    if first is not None and second is not None:
        probes.branches.append((statement.lineno, first, second))


# --- Import ---------------------------------------------------------------------------------------


class _Loader(SourceFileLoader):
    """Imports a module with its probes."""

    def get_code(self, fullname: str) -> CodeType:
        code, measured[self.path] = self.with_probes()
        return code

    def with_probes(self) -> tuple[CodeType, Probes]:
        """Return the compiled file and its probes, which are kept as other compiled files are."""
        kept = cache_from_source(self.path, optimization="probes")
        stamp = [_stamp(self.path), _stamp(__file__)]
        with suppress(OSError, EOFError, ValueError, TypeError):
            found, code, lines, branches = marshal.loads(self.get_data(kept))
            if found == stamp:
                return code, Probes(lines, branches)
        tree, probes = instrument(self.get_data(self.path), self.path)
        code = compile(tree, self.path, "exec", dont_inherit=True)
        if not sys.dont_write_bytecode:
            content = (stamp, code, probes.lines, probes.branches)
            self.set_data(kept, marshal.dumps(content))
        return code, probes

    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        module.__dict__[ARRAY] = measured[self.path].seen
        exec(code, module.__dict__)


def _stamp(path: str) -> tuple[int, int]:
    """Return what changes when a file is written: its time and its size."""
    state = Path(path).stat()
    return state.st_mtime_ns, state.st_size


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] not in PACKAGES or ".migrations" in name:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(name, spec.loader.path)
        return spec


def install() -> None:
    """Measure the modules that are imported from now on."""
    sys.meta_path.insert(0, _Finder())


# --- Hooks of pytest ------------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what this process saw to the first one."""
    if measured:
        output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]
        output["coverage"] = {path: bytes(probes.seen) for path, probes in measured.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what a process saw."""
    for path, ran in getattr(node, "workeroutput", {}).get("coverage", {}).items():
        array = seen.setdefault(path, bytearray(len(ran)))
        array[:] = bytes(map(max, array, ran))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the files in which something never ran."""
    if seen:
        terminalreporter.section("coverage")
        for row in report(files()):
            terminalreporter.write_line(row)


def files() -> list[Path]:
    """Return the files of the product, without migrations."""
    paths = (path for package in PACKAGES for path in BASE_DIR.glob(f"{package}/**/*.py"))
    return sorted(path for path in paths if "migrations" not in path.parts)


def report(paths: Iterable[Path]) -> Iterator[str]:
    """Return the lines of the report: a table of what never ran, and the sums."""
    yield f"{'File':60} {'Lines':>6} {'missed':>6} {'Branches':>8} {'missed':>6}  Never ran"
    sums = [0, 0, 0, 0]
    for path in paths:
        _, probes = _Loader(path.stem, str(path)).with_probes()
        ran = seen.get(str(path), probes.seen)
        lines = [(line, hit) for line, hit in zip(probes.lines, ran, strict=True) if line]
        missed = [line for line, hit in lines if not hit]
        halves = [line for line, one, other in probes.branches if ran[one] != ran[other]]
        whole = [line for line, one, other in probes.branches if not (ran[one] or ran[other])]
        counts = [len(lines), len(missed), 2 * len(probes.branches), len(halves) + 2 * len(whole)]
        sums = [total + count for total, count in zip(sums, counts, strict=True)]
        if counts[1] or counts[3]:
            where = ", ".join([*_ranges(lines), *(f"{line} (one arm)" for line in halves)])
            yield _row(str(path.relative_to(BASE_DIR)), counts) + f"  {where}"
    covered = 100 * (1 - (sums[1] + sums[3]) / max(sums[0] + sums[2], 1))
    yield _row("Total", sums) + f"  {covered:.1f} % ran"


def _ranges(lines: list[tuple[int, int]]) -> Iterator[str]:
    """Return the lines that never ran, statements that follow one another as a range."""
    for hit, group in groupby(sorted(lines), key=lambda pair: pair[1]):
        missed = [line for line, _ in group]
        if not hit:
            yield str(missed[0]) if len(missed) == 1 else f"{missed[0]}-{missed[-1]}"


def _row(name: str, counts: Sequence[int]) -> str:
    lines, missed, branches, arms = counts
    return f"{name:60} {lines:6} {missed:6} {branches:8} {arms:6}"
