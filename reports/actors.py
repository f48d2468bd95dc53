"""Background work on reports."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jobs
from reports.classification import classifier
from reports.models import Category, Report
from reports.patterns import hotspots
from reports.patterns.serializers import HotspotsPayloadSerializer, HotspotsSerializer
from reports.routing import assignment

HOUR, SECONDS = timedelta(hours=1), timedelta(seconds=1)


@jobs.before_ready("default")
def learn_categories() -> None:
    """Teach the classifier, which takes seconds in a new city, before any report waits for it."""
    classifier.prepare()


# A server of embeddings is restarted. A longer outage must not keep a report from the desk: then a
# person chooses the category.
@jobs.actor(queue_name="default", kind="external", delivery="at_least_once", outlasts=HOUR)
def classify_report(report_id: str) -> dict[str, Any]:
    """The category that the classifier proposes; the model runs while no transaction is open."""
    report = Report.objects.get(pk=report_id)
    found = classifier.classify(report.title, report.description)
    return {
        "category_id": found.category.pk if found.category else None,
        "confidence": found.confidence,
    }


@classify_report.record
def record_classification(outcome: dict[str, Any], report_id: str) -> None:
    category = (
        Category.objects.select_related("department").filter(pk=outcome["category_id"]).first()
    )
    assignment.apply_classification(report_id, category, outcome["confidence"])


@classify_report.mirror
def route_unclassified(standing: jobs.Standing, report_id: str) -> None:
    """Send a report that nothing classifies any more to the desk as it is."""
    if standing.has_ended:
        route_report.send(report_id)


# Our own database alone.
@jobs.actor(queue_name="default", outlasts=HOUR)
def route_report(report_id: str) -> None:
    assignment.route(report_id)


@jobs.job_type("reports.hotspots", payload=HotspotsPayloadSerializer, result=HotspotsSerializer)
# No outage: a person waits, and can start it again.
@jobs.actor(queue_name="analytics", kind="long", outlasts=SECONDS)
def find_hotspots(**payload: Any) -> dict[str, Any]:
    """Find where open public reports crowd within a box and a period: the centre, size and
    commonest category.
    """
    task = jobs.current_task()
    return hotspots.find(
        hotspots.Search.of(**payload),
        lambda fraction, stage, cells: task.progress(fraction, stage, cells=cells),
    )
