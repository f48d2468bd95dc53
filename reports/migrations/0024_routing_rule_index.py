from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0023_routing_rules")]
    operations = [
        AddIndexConcurrently(
            "report",
            models.Index(
                "routing_rule",
                condition=Q(routing_rule__isnull=False),
                name="report_routing_rule",
            ),
        )
    ]
