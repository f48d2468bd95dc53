from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0048_too_old_posts")]
    operations = [
        AddIndexConcurrently(
            "report",
            models.Index(
                "department",
                "due_at",
                condition=Q(
                    status__in=("new", "triaged", "assigned", "in_progress", "waiting", "reopened")
                ),
                name="report_department_due",
            ),
        )
    ]
