from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("matching", "0003_generation")]
    operations = [
        AddIndexConcurrently(
            "opportunity",
            models.Index(fields=["category"], condition=Q(is_active=True), name="matching_opp_active_category"),
        ),
    ]
