from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0052_newest_reports_with_their_places")]
    operations = [
        AddIndexConcurrently(
            "report",
            models.Index(
                F("updated_at").desc(),
                condition=Q(published_at__isnull=False),
                name="report_updated",
            ),
        ),
        AddIndexConcurrently(
            "statuschange",
            models.Index(F("at").desc(), F("id").desc(), name="statuschange_latest"),
        ),
        AddIndexConcurrently(
            "comment",
            models.Index(
                F("published_at").desc(),
                F("id").desc(),
                condition=Q(published_at__isnull=False, deleted_at__isnull=True),
                name="comment_published",
            ),
        ),
    ]
