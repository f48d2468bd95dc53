from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q

OPEN = ("new", "triaged", "assigned", "in_progress", "waiting", "reopened")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0042_dates")]
    operations = [
        AddIndexConcurrently(
            "report",
            models.Index(
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(status__in=OPEN),
                name="report_open",
            ),
        )
    ]
