"""On which day of the working week things get done around a place, such as a collection's round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.dates.cases import Floats, Integers
from reports.dates.working_days import HOLIDAY

#: Edges of the squares that are counted, from coarse to fine.
EDGES_KM = (6.4, 1.6, 0.4)
#: The coarser square counts as if so many cases had been done in the finer one as it expects.
PRIOR_CASES = 3.0
#: Kinds of days that are counted; nothing is learned about holidays.
KINDS = HOLIDAY
_KM_PER_DEGREE = 111.2
_SIDE = 1 << 20


@dataclass(frozen=True)
class Squares:
    """How many cases of a group were done in each square, by kind of day; the keys are sorted."""

    keys: Integers
    counts: Floats

    @classmethod
    def count(cls, keys: Integers, kind: Integers) -> Squares:
        unique, number = np.unique(keys, return_inverse=True)
        counts = np.bincount(number * KINDS + kind, minlength=len(unique) * KINDS)
        return cls(keys=unique, counts=counts.reshape(-1, KINDS).astype(np.float64))

    def of(self, keys: Integers) -> Floats:
        """Return the counts of each key; zeros where nothing was done."""
        if not len(self.keys):
            return np.zeros((len(keys), KINDS))
        at = np.clip(np.searchsorted(self.keys, keys), 0, len(self.keys) - 1)
        return np.where((self.keys[at] == keys)[:, None], self.counts[at], 0.0)


@dataclass(frozen=True)
class Neighbourhoods:
    """The shares of the kinds of days, of the city and of squares that get finer.

    Args:
        city: of each group its shares, `(groups, KINDS)`.
        levels: the squares of each edge in `EDGES_KM`.
        narrowing: the cosine of the city's latitude.
    """

    city: Floats
    levels: tuple[Squares, ...]
    narrowing: float

    @classmethod
    def learn(
        cls, group: Integers, groups: int, latitude: Floats, longitude: Floats, kind: Integers
    ) -> Neighbourhoods:
        """Count what was done; `kind` is that of the day on which each case was done."""
        of_group = np.bincount(group * KINDS + kind, minlength=groups * KINDS).reshape(-1, KINDS)
        everywhere = np.bincount(kind, minlength=KINDS) + 1.0
        prior = PRIOR_CASES * everywhere / everywhere.sum()
        city = (of_group + prior) / (of_group + prior).sum(axis=1, keepdims=True)
        is_placed = ~np.isnan(latitude)
        middle = float(np.mean(latitude[is_placed])) if is_placed.any() else 0.0
        empty = cls(city=city, levels=(), narrowing=float(np.cos(np.radians(middle))))
        levels = tuple(
            Squares.count(empty._keys(group, latitude, longitude, edge)[is_placed], kind[is_placed])
            for edge in EDGES_KM
        )
        return cls(city=city, levels=levels, narrowing=empty.narrowing)

    def crowding(
        self,
        group: Integers,
        latitude: Floats,
        longitude: Floats,
        own_kind: Integers | None = None,
    ) -> Floats:
        """Return how much more often than in the city things are done around each place.

        The logarithm of the ratio, `(cases, KINDS)`. `own_kind` takes each case itself out of the
        counts, while the model is learned from the same cases; -1 for those that were not counted.
        """
        shares = self.city[group]
        own = _one_of_each(own_kind, len(group))
        own[np.isnan(latitude)] = 0.0
        for edge, squares in zip(EDGES_KM, self.levels, strict=True):
            keys = self._keys(group, latitude, longitude, edge)
            counts = np.maximum(squares.of(keys) - own, 0.0)
            total = counts.sum(axis=1, keepdims=True) + PRIOR_CASES
            shares = (counts + PRIOR_CASES * shares) / total
        return np.log(shares / self.city[group])

    def _keys(
        self, group: Integers, latitude: Floats, longitude: Floats, edge_km: float
    ) -> Integers:
        scale = _KM_PER_DEGREE / edge_km
        row = np.floor(np.nan_to_num(latitude, nan=90.0) * scale).astype(np.int64)
        column = np.floor(np.nan_to_num(longitude) * self.narrowing * scale).astype(np.int64)
        return (group * _SIDE + row + _SIDE // 2) * _SIDE + column + _SIDE // 2


def _one_of_each(kind: Integers | None, cases: int) -> Floats:
    own = np.zeros((cases, KINDS))
    if kind is not None:
        counted = np.flatnonzero(kind >= 0)
        own[counted, kind[counted]] = 1.0
    return own
