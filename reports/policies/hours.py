"""The hours in which a department works, on an axis of hours since the history began."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

#: From when until when a department works, in hours; in order, without overlaps.
Span = tuple[float, float]


class OpenHours:
    """The spans in which a department works. After the last one it works without a break."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        """Take the spans in order; without any the department always works."""
        known = [(start, end) for start, end in spans if end > start]
        last = known[-1][1] if known else -math.inf
        self._starts = [start for start, _ in known] + [last]
        self._ends = [end for _, end in known] + [math.inf]
        lengths = [end - start for start, end in known]
        self._worked = list(accumulate(lengths, initial=0.0))
        self.is_always_open = not known

    def next_opening(self, at: float) -> float:
        """Return `at` while the department works, otherwise when it works again."""
        if self.is_always_open:
            return at
        span = bisect_right(self._ends, at)
        return max(at, self._starts[span])

    def worked(self, at: float) -> float:
        """Return how many hours it has worked until `at`, since its first span."""
        if self.is_always_open:
            return at
        span = bisect_right(self._starts, at) - 1
        if span < 0:
            return 0.0
        return self._worked[span] + min(at, self._ends[span]) - self._starts[span]

    def end_of(self, start: float, work: float) -> float:
        """Return when work of so many hours ends that begins at `start`."""
        if self.is_always_open:
            return start + work
        total = self.worked(start) + work
        span = max(bisect_left(self._worked, total) - 1, 0)
        return self._starts[span] + total - self._worked[span]
