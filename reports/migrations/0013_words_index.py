from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.contrib.postgres.search import SearchVector
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0012_areas")]
    operations = [
        AddIndexConcurrently(
            "report",
            GinIndex(
                SearchVector("title", "description", "address", "external_id", config="simple"),
                name="report_words",
                fastupdate=False,
            ),
        )
    ]
