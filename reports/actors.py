"""Background work on reports."""

from __future__ import annotations

from typing import Any

import jobs
from reports import classification, routing
from reports.models import Category, Report


@jobs.actor(queue_name="default", kind="external", delivery="at_least_once")
def classify_report(report_id: str) -> dict[str, Any]:
    """The category that the classifier proposes; the model runs while no transaction is open."""
    report = Report.objects.get(pk=report_id)
    found = classification.classify(report.title, report.description)
    return {"category_id": found.category.pk if found.category else None, "confidence": found.confidence}


@classify_report.record
def record_classification(outcome: dict[str, Any], report_id: str) -> None:
    category = Category.objects.select_related("department").filter(pk=outcome["category_id"]).first()
    routing.apply_classification(report_id, category, outcome["confidence"])


@jobs.actor(queue_name="default")
def route_report(report_id: str) -> None:
    routing.route(report_id)
