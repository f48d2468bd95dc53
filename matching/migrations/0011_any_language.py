"""`any` and `all` were stored as tags of languages nobody speaks, which hid the opportunity."""

from django.db import migrations

MEND = """
    UPDATE matching_opportunity SET languages = '{}', updated_at = statement_timestamp()
    WHERE languages && ARRAY['any', 'all', 'mul', 'und']::varchar[]
"""


class Migration(migrations.Migration):
    dependencies = [("matching", "0010_list_indexes")]

    operations = [migrations.RunSQL(MEND, migrations.RunSQL.noop)]
