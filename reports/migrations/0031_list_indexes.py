from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0030_photos_of_answers")]
    operations = [
        AddIndexConcurrently(
            "report",
            models.Index(
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(confirmed_at__isnull=False),
                name="report_confirmed",
            ),
        ),
        AddIndexConcurrently(
            "report",
            models.Index(
                F("severity"),
                F("created_at").desc(),
                condition=Q(severity__in=("high", "critical")),
                name="report_serious",
            ),
        ),
        AddIndexConcurrently(
            "report",
            models.Index(
                F("source"),
                F("created_at").desc(),
                condition=~Q(source=""),
                name="report_source",
            ),
        ),
    ]
