"""Photos of the demo city's reports: drawn here, converted by workers like those of citizens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import User
from reports.demo import past, pictures, stories, texts
from reports.demo.city import City
from reports.models import PhotoKind, Report
from reports.photos import receiving

#: How many of the reports of the last two months have a photo.
PAST_COUNT = 8


class Plan(NamedTuple):
    """The scenes that the photos of a report show, and who sends them."""

    report: Report
    scenes: list[str]
    by: User | None
    kind: str = PhotoKind.BEFORE


def load(city: City) -> int:
    """Add the photos that are not there yet; return how many.

    Each is a transaction of its own, after its file: call this outside of any other.
    """
    return sum(_add(plan) for plan in [*_of_stories(city), *_of_past()])


def _of_stories(city: City) -> Iterator[Plan]:
    for story in texts.read("stories"):
        report = stories.report_of(story["name"])
        yield Plan(report, story.get("pictures", []), report.reporter)
        desk = city.desk_of(report.department)
        yield Plan(report, story.get("repairs", []), desk, PhotoKind.REPAIR)


def _of_past() -> Iterator[Plan]:
    scenes = texts.read("past")["scenes"]
    shown = [
        (past.external_id(number), scenes[texts.category_of(number)])
        for number in range(past.REPORT_COUNT)
        if texts.category_of(number) in scenes and not past.is_fresh(number)
    ][:PAST_COUNT]
    reports = Report.objects.filter(source=past.SOURCE).select_related("reporter")
    by_id = {report.external_id: report for report in reports}
    for name, scene in shown:
        if name in by_id:
            yield Plan(by_id[name], [scene], by_id[name].reporter)


def _add(plan: Plan) -> int:
    """Add the photos of a plan beyond those that the report has of this kind; return how many."""
    missing = list(enumerate(plan.scenes))[plan.report.photos.filter(kind=plan.kind).count() :]
    for number, scene in missing:
        content = ContentFile(_photo(plan.report, scene, number), name=f"{scene}.jpg")
        receiving.check(content)
        with receiving.stored(content) as original:
            receiving.accept(original, plan.report, kind=plan.kind, by=plan.by)
    return len(missing)


def _photo(report: Report, scene: str, number: int) -> bytes:
    picture = pictures.draw(scene, f"{report.external_id or report.client_id}:{number}")
    notes = pictures.camera_notes(timezone.now(), report.latitude, report.longitude)
    return picture.jpeg(notes)
