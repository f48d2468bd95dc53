"""Compare two kept results of one job type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.models import JobResult

_MISSING = object()


def compare(first: JobResult, second: JobResult) -> dict[str, Any]:
    """Return what differs between two results, as `serializers.ComparisonSerializer` has it.

    Figures are compared one by one. Of a list only the length is compared: findings of two runs
    have no order in common.
    """
    return {
        "is_same": first.digest == second.digest,
        "code_versions": [first.code_version, second.code_version],
        "seeds": [first.seed, second.seed],
        "inputs": list(_differences(first.inputs, second.inputs)),
        "figures": list(_differences(first.result, second.result)),
    }


def _differences(first: Any, second: Any) -> Iterator[dict[str, Any]]:
    before, after = dict(_figures(first)), dict(_figures(second))
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, _MISSING), after.get(name, _MISSING)
        if old != new:
            yield {
                "name": name,
                "first": None if old is _MISSING else old,
                "second": None if new is _MISSING else new,
                "difference": _difference(old, new),
            }


def _difference(old: Any, new: Any) -> float | None:
    are_numbers = all(isinstance(value, int | float) for value in (old, new))
    return new - old if are_numbers else None


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each figure of nested JSON with its path, such as `repair.median_hours`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _figures(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        yield f"{name}.length", len(value)
    else:
        yield name, value
