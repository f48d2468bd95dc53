"""The demo city itself: its departments, categories, crews, people and rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accounts.models import User
from reports.catalogue import documents, loading
from reports.demo import people, rules
from reports.demo.people import People
from reports.models import Category, Crew, Department
from reports.moderation import word_lists

#: The two crews of each department, and the yards where they set out.
CREWS = {"north": (41.3325, -72.9150), "south": (41.2860, -72.9320)}
SHIFT = {"mon-fri": "07:30-11:30, 12:00-15:30", "sat": "08:00-12:00"}


@dataclass(frozen=True)
class City:
    """What the reports refer to, each by its slug or name."""

    departments: dict[str, Department]
    categories: dict[str, Category]
    people: People
    crews: dict[str, dict[str, Crew]]

    def desk_of(self, department: Department | None) -> User:
        """Return who answers for a department; the administrator for one that is not the demo's."""
        slug = department.slug if department else ""
        return self.people.staff.get(slug, self.people.administrator)


def load() -> City:
    """Create what does not exist yet of the city, and return it."""
    document = documents.read(documents.SHIPPED)
    loading.load(document, only_new=True)
    word_lists.load()
    by_slug = {department.slug: department for department in Department.objects.all()}
    departments = {entry["slug"]: by_slug[entry["slug"]] for entry in document["departments"]}
    _give_addresses(departments.values())
    rows = Category.objects.select_related("department")
    categories = {category.slug: category for category in rows}
    inhabitants = people.load(departments)
    rules.load(departments, categories)
    crews = _crews(departments, inhabitants.staff)
    return City(departments, categories, inhabitants, crews)


def _give_addresses(departments: Iterable[Department]) -> None:
    """Give an email address to each department that has none."""
    for department in departments:
        if not department.email:
            department.email = f"{department.slug}@example.org"
            department.save(update_fields=["email"])


def _crews(
    departments: Mapping[str, Department], staff: Mapping[str, User]
) -> dict[str, dict[str, Crew]]:
    """Create the crews of each department; its desk is in the first."""
    crews = {}
    for slug, department in departments.items():
        crews[slug] = {name: _crew(department, name) for name in CREWS}
        crews[slug][next(iter(CREWS))].members.add(staff[slug])
    return crews


def _crew(department: Department, name: str) -> Crew:
    """Create a crew, or give the one that exists its home and shift, if it has none."""
    crew, _ = Crew.objects.get_or_create(department=department, name=f"{department.name}, {name}")
    if crew.home is None and not crew.shift_hours:
        crew.home_latitude, crew.home_longitude = CREWS[name]
        crew.shift_hours = SHIFT
        crew.save(update_fields=["home_latitude", "home_longitude", "shift_hours"])
    return crew
