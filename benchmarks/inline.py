"""Report creation without background work: what a request costs when it waits for everything
itself.
"""

from __future__ import annotations

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit, reputation
from accounts.models import User
from embeddings.embedder import get_embedder, space_of
from notifications import deliveries
from notifications.models import Delivery
from reports.acknowledging import SUBMISSION_POINTS
from reports.classification import classifier
from reports.duplicates import suggesting, vectors
from reports.following import announcing
from reports.intake.serializers import NewReportSerializer
from reports.intake.submission import (
    NewReport,
    _begin_history,
    _judge,
    _let_follow,
    _store,
)
from reports.models import Report, StatusChange
from reports.routing import assignment
from reports.serializers import CreatedReportSerializer
from reports.views import ReportListView


class InlineReportView(ReportListView):
    """The product's view, functions and email, one after the other, in as few transactions as they
    allow.
    """

    def post(self, request: Request) -> Response:
        serializer = NewReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        report, arrival, prepared = _store_and_work(serializer.new_report(), request.user)
        for delivery in prepared:
            outcome = deliveries.deliver(str(delivery.pk), idempotency_key=str(delivery.pk))
            deliveries.record_outcome(str(delivery.pk), outcome)
        context = {"request": request, "tracking_token": None, "has_answers": False, "reasons": ()}
        answer = CreatedReportSerializer(report, context=context | {"arrival": arrival})
        return Response(answer.data, status=201)


def _store_and_work(new: NewReport, reporter: User) -> tuple[Report, StatusChange, list[Delivery]]:
    proposed = classifier.classify(new.title, new.description)
    with transaction.atomic():
        judgement = _judge(new, reporter=reporter, host="127.0.0.1")
        report = _store(new, reporter=reporter, token=None, judgement=judgement)
        arrival = _begin_history(report)
        _let_follow(report)
        prepared = _acknowledge(report, reporter)
        routed = assignment.apply_classification(
            str(report.pk),
            proposed.category,
            proposed.confidence,
            proposed.suggestions_as_json(),
        )
        space = space_of(get_embedder())
        vector = proposed.vector.astype(vectors.VECTOR_TYPE).tobytes()
        vectors.keep(str(report.pk), vector, space=space)
        suggesting.suggest_for(routed, proposed.vector, space=space)
        announcing.announce_report(routed)
    return routed, arrival, prepared


def _acknowledge(report: Report, reporter: User) -> list[Delivery]:
    """As `reports.acknowledging.acknowledge`, without the task that delivers the message."""
    subject = f"report:{report.pk}"
    reputation.credit(
        reporter.pk, SUBMISSION_POINTS, event_key=f"{subject}:submitted", reason="report submitted"
    )
    audit.record("report.submitted", actor_id=reporter.pk, subject=subject)
    context = {"report_id": str(report.pk), "title": report.title}
    return deliveries.prepare_for_user(
        reporter, "report_received", context, event_key=f"{subject}:received"
    )
