"""Which process of pytest-xdist runs which tests, and in what order.

The tests of a file run in one process, so that what they share is made once; so do those of all
files with a browser, and those of all files that break a broker. Files that take long come first,
so that no process is alone with one at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
#: What a file mentions whose tests share something dear with those of other files.
SHARED = ("pytest.mark.browser", "rabbitmq_node:")


@cache
def share_of(file: str) -> str:
    """Return the name of the tests that run in the process of this file's tests."""
    text = (ROOT / file).read_text()
    return next((what for what in SHARED if what in text), file)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process one file after the other, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid.partition("::")[0])

    def _reschedule(self, node: Any) -> None:
        """Give a process more when it begins the last of its tests, which it must know then.

        Given any earlier, files would wait behind long tests while other processes have none.
        """
        if not (node.shutting_down or self.workqueue):
            node.shutdown()
        elif not node.shutting_down and self._pending_of(self.assigned_work[node]) <= 1:
            self._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Have the tests of a file run in one process."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that need a browser, then with files of which a test is slow."""
    shares: dict[str, list[pytest.Item]] = {}
    for item in items:
        shares.setdefault(_share(item), []).append(item)
    items[:] = chain.from_iterable(sorted(shares.values(), key=_haste))


def _share(item: pytest.Item) -> str:
    return share_of(item.path.relative_to(ROOT).as_posix())


def _haste(tests: Iterable[pytest.Item]) -> int:
    """Return the rank of a file: 0 begins."""
    markers = {marker.name for item in tests for marker in item.iter_markers()}
    return 0 if "browser" in markers else 1 if "slow" in markers else 2
