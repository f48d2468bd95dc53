"""Rows to test with; every value that a test does not name is the same each time."""

from __future__ import annotations

from itertools import count
from typing import Any

from accounts.models import User
from matching.models import Opportunity, Profile
from matching.opportunities import publishing
from matching.profiles import editing
from tests.accounts.factories import make_user

_numbers = count(1)

CARPENTER = {
    "headline": "Carpenter, 20 years on the tools",
    "about": "Free on Saturdays, would like to fix up houses for people who cannot pay.",
    "skills": ["carpentry", "home repair"],
    "interests": ["housing"],
    "wants": ["volunteering"],
}
REPAIRS = {
    "title": "Repair homes of older neighbors",
    "description": (
        "Skilled carpenters fix doors, floors and cabinets in homes of low-income seniors."
    ),
}
TUTORING = {
    "title": "Math tutor",
    "description": "Help middle school students with algebra homework after school.",
}
DOGS = {
    "title": "Walk shelter dogs",
    "description": "Take rescue dogs of the animal shelter for a walk.",
}


def make_opportunity(**overrides: Any) -> Opportunity:
    number = next(_numbers)
    fields = {
        "kind": "volunteering",
        "organisation": f"Organisation {number}",
        **TUTORING,
    } | overrides
    return publishing.add(fields)


def make_profile(user: User | None = None, **overrides: Any) -> Profile:
    return editing.edit(user or make_user(), {**CARPENTER, **overrides})
