from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_mirrors")]

    operations = [
        migrations.CreateModel(
            name="Breaker",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField(default=0, help_text="How many calls have failed in a row.")),
                ("opened_at", models.DateTimeField(help_text="Empty while the breaker is closed.", null=True)),
                ("probe_at", models.DateTimeField(help_text="When one call may try again.", null=True)),
                ("wait_seconds", models.FloatField(default=0)),
                ("last_error", models.CharField(blank=True, max_length=500)),
                ("changed_at", models.DateTimeField()),
            ],
            options={"ordering": ["name"]},
        ),
    ]
