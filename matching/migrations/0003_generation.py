"""The sequence of `matching.generation`."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("matching", "0002_opportunities")]
    operations = [
        migrations.RunSQL("CREATE SEQUENCE matching_generation", "DROP SEQUENCE matching_generation"),
    ]
