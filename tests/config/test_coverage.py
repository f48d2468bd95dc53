"""The coverage that `make test` prints: what ran is told from what did not."""

from __future__ import annotations

from typing import Any

import pytest

from tests import coverage

SOURCE = b'''"""What a module says of itself."""
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from decimal import Decimal

def chosen(number: int | None) -> int:
    """Return a number."""
    if number:
        return number
    elif number is None:
        other = 2
    for step in range(2):
        if step == 5:
            break
    else:
        other = 3
    while True:
        break
    return other

class Shape:
    def area(self) -> int: ...
'''


def probes_after(*numbers: int | None) -> coverage.Probes:
    """Return the probes of the source after its function ran with each of the numbers."""
    tree, probes = coverage.instrument(SOURCE, "source.py")
    names: dict[str, Any] = {coverage.ARRAY: probes.seen}
    exec(compile(tree, "source.py", "exec"), names)
    for number in numbers:
        assert names["chosen"](number) == (number or 3)
    return probes


@pytest.mark.parametrize(
    ("numbers", "missed"),
    [
        ((), {9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20}),
        ((7,), {11, 12, 13, 14, 15, 17, 18, 19, 20}),
        ((None,), {10, 15}),
        ((7, None), {15}),
    ],
)
def test_statements_that_never_ran_are_named(
    numbers: tuple[int | None, ...], missed: set[int]
) -> None:
    probes = probes_after(*numbers)
    pairs = zip(probes.lines, probes.seen, strict=True)
    assert {line for line, ran in pairs if line and not ran} == missed


def test_each_arm_of_a_branch_counts() -> None:
    probes = probes_after(None)
    arms = {line: (probes.seen[one], probes.seen[other]) for line, one, other in probes.branches}
    assert arms == {9: (0, 1), 11: (1, 0), 13: (1, 1), 14: (0, 1)}


def test_docstrings_and_what_is_for_types_alone_are_no_statements() -> None:
    tree, probes = coverage.instrument(SOURCE, "source.py")
    assert not {1, 2, 4, 5, 8, 24} & set(probes.lines)
    names: dict[str, Any] = {coverage.ARRAY: probes.seen}
    exec(compile(tree, "source.py", "exec"), names)
    assert names["__doc__"] == "What a module says of itself."
    assert names["chosen"].__doc__ == "Return a number."


def test_a_file_that_no_test_imports_is_in_the_report() -> None:
    path = next(path for path in coverage.files() if path.name == "users.py")
    head, row, total = coverage.report([path])
    lines, missed = (int(number) for number in row.split()[1:3])
    assert lines == missed > 50
    assert (head.split()[0], total.split()[0]) == ("File", "Total")
