from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0010_fill_cells")]
    operations = [
        AddIndexConcurrently(
            "report",
            models.Index(
                "cell",
                "created_at",
                condition=Q(status__in=("new", "triaged", "in_progress")),
                name="report_open_cell",
            ),
        )
    ]
