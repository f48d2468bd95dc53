from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0050_source_address_message")]
    operations = [
        AddIndexConcurrently(
            "report", models.Index("latitude", "longitude", name="report_at_place")
        ),
        RemoveIndexConcurrently("report", "report_place"),
    ]
