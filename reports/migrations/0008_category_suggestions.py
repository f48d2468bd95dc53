from django.db import migrations, models


class Migration(migrations.Migration):
    """Reports keep the classifier's first three categories with their reasons."""

    dependencies = [
        ("reports", "0007_database_clock"),
    ]

    operations = [
        migrations.AddField(
            model_name="report",
            name="category_suggestions",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                editable=False,
                help_text="The classifier's first three categories, each with confidence and reasons.",
            ),
        ),
    ]
