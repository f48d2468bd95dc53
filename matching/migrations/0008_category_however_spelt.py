from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("matching", "0007_match_notices")]
    operations = [
        AddIndexConcurrently(
            "opportunity",
            models.Index(Upper("category"), condition=Q(is_active=True), name="matching_opp_active_topic"),
        ),
        RemoveIndexConcurrently("opportunity", "matching_opp_active_category"),
    ]
