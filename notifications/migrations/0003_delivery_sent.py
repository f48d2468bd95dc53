from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("notifications", "0002_receipt")]
    operations = [
        AddIndexConcurrently(
            "delivery",
            models.Index(
                fields=["provider_id"],
                condition=Q(channel="sms", status="sent"),
                name="notifications_delivery_sent",
            ),
        ),
    ]
