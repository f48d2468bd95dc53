"""The conditions in SQL that opportunities must meet for a citizen, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from matching.models import Opportunity
from matching.search.geography import KM_PER_DEGREE, Place, box_around, kilometers_sql

#: The band of latitudes is wider than the circle by this factor, to make up for rounding.
BAND_SLACK = 1.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What an opportunity must fulfil; a value that is empty or None demands nothing.

    `not_for` is a user whose dismissed and applied opportunities are left out, `not_of` the names
    of organisations to leave out.
    """

    kinds: tuple[str, ...] = ()
    day: date | None = None
    languages: tuple[str, ...] = ()
    place: Place | None = None
    radius_km: float | None = None
    is_remote: bool | None = None
    category: str = ""
    starts_after: date | None = None
    starts_before: date | None = None
    not_for: UUID | None = None
    not_of: tuple[str, ...] = ()
    source: str = ""

    def by_kind(self) -> list[Criteria]:
        """Return these criteria for each kind by itself; as they are if they name none."""
        return [replace(self, kinds=(kind,)) for kind in self.kinds] or [self]

    def where(self) -> Where:
        """Return the SQL conditions that select from `matching_opportunity AS o`.

        Opportunities that are withdrawn or full never meet them, nor do those that the user
        `not_for` dismissed or applied for. With a `day`, those that ended before it
        (`Opportunity.last_day`) do not meet them either.
        """
        where = Where()
        where.add("o.is_active AND (o.capacity IS NULL OR o.places_taken < o.capacity)")
        for condition, value in self._simple_conditions():
            if value not in ([], None, ""):
                where.add(condition, value)
        if self.place and self.radius_km:
            where.near(self.place, self.radius_km)
        if self.not_for:
            where.add(
                "NOT EXISTS (SELECT FROM matching_interaction AS i WHERE i.user_id = %s AND "
                "i.opportunity_id = o.id"
                " AND i.kind IN ('dismiss', 'apply'))",
                self.not_for,
            )
        return where

    def _simple_conditions(self) -> list[tuple[str, object]]:
        return [
            ("o.kind = ANY(%s)", list(self.kinds)),
            ("(o.ends_on IS NULL OR o.ends_on >= %s)", self.day),
            (
                (
                    "(o.kind <> 'event' OR o.ends_on IS NOT NULL OR o.starts_on IS NULL OR "
                    "o.starts_on >= %s)"
                ),
                self.day,
            ),
            ("(o.languages = '{}' OR o.languages && %s::varchar[])", list(self.languages)),
            ("o.is_remote = %s", self.is_remote),
            ("upper(o.category) = upper(%s)", self.category),
            ("o.starts_on >= %s", self.starts_after),
            ("o.starts_on <= %s", self.starts_before),
            ("o.source = %s", self.source),
            ("NOT o.organisation = ANY(%s)", list(self.not_of)),
        ]


@dataclass(slots=True)
class Where:
    """Conditions of SQL with their parameters."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def add(self, condition: str, *parameters: Any) -> None:
        """Add a condition with its parameters."""
        self.conditions.append(condition)
        self.parameters += parameters

    def near(self, place: Place, radius_km: float) -> None:
        """Add the condition that the opportunity is within the radius (great circle), or remote.

        The box around the circle is compared first, since an index serves it.
        """
        west, south, east, north = box_around(place, radius_km)
        latitude, longitude = place
        inside = (
            "o.longitude BETWEEN %s AND %s"
            if west <= east
            else "(o.longitude >= %s OR o.longitude <= %s)"
        )
        self.add(
            f"(o.is_remote OR o.latitude BETWEEN %s AND %s AND {inside} AND {kilometers_sql('o')} "
            "<= %s)",
            *(south, north, west, east, latitude, latitude, longitude, radius_km),
        )

    @property
    def sql(self) -> str:
        """Return all conditions, joined by AND."""
        return " AND ".join(self.conditions)


def wishes_met_by(opportunity: Opportunity) -> Where:
    """Return the SQL conditions that select the citizens whom an opportunity suits.

    They are on `matching_profile AS p`, and compare kind, languages and distance with what the
    citizen asks for. What a profile leaves empty excludes nothing, and neither do languages that
    the opportunity leaves empty. A remote one is within every distance; one without a place suits
    only who would go anywhere or has no place. Whether it is open is not looked at.
    """
    where = Where()
    where.add("(p.wants = '{}' OR %s = ANY(p.wants))", opportunity.kind)
    if opportunity.languages:
        where.add("(p.languages = '{}' OR p.languages && %s::varchar[])", opportunity.languages)
    if not opportunity.is_remote:
        _add_reach(where, opportunity)
    return where


def _add_reach(where: Where, opportunity: Opportunity) -> None:
    """Add the condition that the citizen accepts the distance to the opportunity.

    The band of latitudes is compared first, which spares most rows the trigonometry.
    """
    anywhere = "p.radius_km IS NULL OR p.latitude IS NULL"
    latitude, longitude = opportunity.latitude, opportunity.longitude
    if latitude is None:
        where.add(f"({anywhere})")
        return
    where.add(
        f"({anywhere} OR abs(p.latitude - %s) * {KM_PER_DEGREE} <= p.radius_km * {BAND_SLACK}"
        f" AND {kilometers_sql('p')} <= p.radius_km)",
        *(latitude, latitude, latitude, longitude),
    )
