from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import F, Q

OPEN = Q(status__in=("new", "triaged", "assigned", "in_progress", "waiting", "reopened"))
ONE_ASSIGNEE = models.CheckConstraint(
    condition=Q(assignee__isnull=True) | Q(crew__isnull=True), name="reports_report_one_assignee"
)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0018_history_guard")]
    operations = [
        RemoveIndexConcurrently("report", "report_due"),
        AddIndexConcurrently("report", models.Index("due_at", condition=OPEN, name="report_due")),
        RemoveIndexConcurrently("report", "report_open_cell"),
        AddIndexConcurrently(
            "report",
            models.Index("cell", "created_at", condition=OPEN, name="report_open_cell"),
        ),
        AddIndexConcurrently(
            "report",
            models.Index(
                "response_due_at",
                condition=Q(responded_at__isnull=True) & OPEN,
                name="report_response_due",
            ),
        ),
        AddIndexConcurrently(
            "report",
            models.Index(
                "closed_at", condition=Q(status="resolved"), name="report_unanswered"
            ),
        ),
        AddIndexConcurrently(
            "report",
            models.Index(
                "assignee",
                F("created_at").desc(),
                condition=Q(assignee__isnull=False),
                name="report_assignee",
            ),
        ),
        AddIndexConcurrently(
            "report",
            models.Index(
                "crew",
                F("created_at").desc(),
                condition=Q(crew__isnull=False),
                name="report_crew",
            ),
        ),
        AddConstraintNotValid("report", ONE_ASSIGNEE),
        ValidateConstraint("report", "reports_report_one_assignee"),
    ]
