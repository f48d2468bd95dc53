from django.db import migrations


class Migration(migrations.Migration):
    """Groups are rows; the column of their names goes."""

    dependencies = [
        ("reports", "0005_category_groups"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="category",
            name="group_name",
        ),
    ]
