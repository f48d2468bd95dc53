from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q


def same_text(name: str) -> models.Index:
    """Return an index of the texts that have a digest."""
    return models.Index(
        F("text_digest"), F("created_at"), condition=Q(text_digest__isnull=False), name=name
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0032_copies_and_holders")]
    operations = [
        AddIndexConcurrently("report", same_text("report_same_text")),
        AddIndexConcurrently("comment", same_text("comment_same_text")),
    ]
