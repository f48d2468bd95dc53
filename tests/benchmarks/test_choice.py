"""Which benchmarks `make bench` runs."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import BENCHMARKS, ONLY_BY_NAME, choose, is_on
from benchmarks.services import BenchmarkError


def test_all_run_unless_some_are_named() -> None:
    assert {*choose("")} == BENCHMARKS.keys() - ONLY_BY_NAME
    assert choose("intake") == ["intake"]
    assert choose("intake, ledger") == ["intake", "ledger"]


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(BenchmarkError, match="no benchmark speed; there are: ledger, ledger_size,"):
        choose("speed")


@pytest.mark.parametrize(
    ("text", "on"), [("", False), ("0", False), ("no", False), ("1", True), ("yes", True)]
)
def test_a_switch_is_on_when_it_says_so(text: str, *, on: bool) -> None:
    assert is_on(text) is on
