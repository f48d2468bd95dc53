"""How the tests are shared among processes, and which of them come first."""

from __future__ import annotations

from itertools import groupby

import pytest

from tests import scheduling

FRAME, PAGES, VIEWS = (f"tests/desk/test_{name}.py" for name in ("frame", "pages", "views"))


def test_files_that_share_something_dear_run_in_one_process() -> None:
    assert scheduling.share_of(FRAME) == scheduling.share_of(PAGES)
    assert scheduling.share_of(VIEWS) == VIEWS
    breaking = ("tests/jobs/test_faults.py", "tests/jobs/test_stand_in.py")
    assert len({*map(scheduling.share_of, breaking)}) == 1


def test_tests_stay_with_their_file_and_the_long_ones_come_first(
    request: pytest.FixtureRequest,
) -> None:
    items = sorted(request.session.items, key=lambda item: item.name)
    scheduling.pytest_collection_modifyitems(items)
    shares = [scheduling.share_of(item.nodeid.partition("::")[0]) for item in items]
    together = [[*tests] for _, tests in groupby(items, key=scheduling._share)]
    assert len(together) == len({*shares})
    ranks = [scheduling._haste(tests) for tests in together]
    assert ranks == sorted(ranks)
