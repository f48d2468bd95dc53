"""Report creation without background work: what a request costs when it waits for everything
itself.
"""

from __future__ import annotations

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit, reputation
from accounts.models import User
from notifications import deliveries
from notifications.models import Delivery
from reports.actors import SUBMISSION_POINTS
from reports.classification import classifier
from reports.intake.submission import NewReport, _let_follow, _reasons_to_wait, _store
from reports.models import Report
from reports.routing import assignment
from reports.serializers import CreatedReportSerializer, NewReportSerializer
from reports.views import ReportListView


class InlineReportView(ReportListView):
    """The product's view, functions and email, one after the other, in as few transactions as they
    allow.
    """

    def post(self, request: Request) -> Response:
        serializer = NewReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        report, told = _store_and_work(serializer.new_report(), request.user)
        for delivery in told:
            outcome = deliveries.deliver(str(delivery.pk), idempotency_key=str(delivery.pk))
            deliveries.record_outcome(str(delivery.pk), outcome)
        answer = CreatedReportSerializer(
            report, context={"request": request, "tracking_token": None}
        )
        return Response(answer.data, status=201)


def _store_and_work(new: NewReport, reporter: User) -> tuple[Report, list[Delivery]]:
    found = classifier.classify(new.title, new.description)
    with transaction.atomic():
        reasons = _reasons_to_wait(new, reporter=reporter, host="127.0.0.1")
        report = _store(new, reporter=reporter, token=None, is_public=not reasons)
        _let_follow(report)
        report_id, reporter_id = str(report.pk), str(reporter.pk)
        assignment.apply_classification(
            report_id, found.category, found.confidence, found.suggestions_as_json()
        )
        event_key = f"report:{report_id}:submitted"
        reputation.credit(
            reporter_id, SUBMISSION_POINTS, event_key=event_key, reason="report submitted"
        )
        audit.record("report.submitted", actor_id=reporter.pk, subject=f"report:{report_id}")
        context = {"report_id": report_id, "title": report.title}
        told = deliveries.prepare(
            reporter_id, "report_received", context, event_key=f"report:{report_id}:received"
        )
    return Report.objects.select_related("category", "department").get(pk=report_id), told
