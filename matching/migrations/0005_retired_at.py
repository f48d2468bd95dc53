from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("matching", "0004_category_index")]
    operations = [
        migrations.AddField(
            "vectorspace", "retired_at", models.DateTimeField(editable=False, help_text="Its vectors are deleted a day later.", null=True)
        ),
        migrations.RunSQL(
            "UPDATE matching_vectorspace SET retired_at = statement_timestamp() WHERE state = 'retired'",
            migrations.RunSQL.noop,
        ),
    ]
