from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import F


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0040_fill_words")]
    operations = [
        AddIndexConcurrently(
            "reportwords", GinIndex("words", name="reportwords_words", fastupdate=False)
        ),
        AddIndexConcurrently(
            "reportwords",
            models.Index(
                F("created_at").desc(), F("report_id").desc(), name="reportwords_newest"
            ),
        ),
        RemoveIndexConcurrently("report", "report_words"),
    ]
