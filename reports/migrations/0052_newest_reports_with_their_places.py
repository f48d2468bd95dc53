from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import F

OPEN = ("new", "triaged", "assigned", "in_progress", "waiting", "reopened")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0051_places_of_all_reports")]
    operations = [
        AddIndexConcurrently(
            "report",
            models.Index(
                F("created_at").desc(),
                F("id").desc(),
                F("latitude"),
                F("longitude"),
                name="report_newest_placed",
            ),
        ),
        AddIndexConcurrently(
            "report",
            models.Index(
                F("created_at").desc(),
                F("id").desc(),
                F("latitude"),
                F("longitude"),
                condition=models.Q(status__in=OPEN),
                name="report_open_placed",
            ),
        ),
        RemoveIndexConcurrently("report", "report_newest"),
        RemoveIndexConcurrently("report", "report_open"),
    ]
