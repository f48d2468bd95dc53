from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("matching", "0009_language_tags")]
    operations = [
        AddIndexConcurrently("opportunity", models.Index(Upper("organisation"), name="matching_opp_organisation")),
        AddIndexConcurrently("opportunity", models.Index(fields=["starts_on"], name="matching_opp_starts")),
        AddIndexConcurrently(
            "opportunity",
            models.Index(fields=["-created_at", "-id"], condition=Q(is_remote=True), name="matching_opp_remote"),
        ),
    ]
