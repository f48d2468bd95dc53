from typing import Any

import h3.api.basic_int as h3
from django.db import migrations

BATCH = 5_000
RESOLUTION = 10
READ = """
    SELECT id, latitude, longitude FROM reports_report
    WHERE id > %s AND cell IS NULL ORDER BY id LIMIT %s
"""
WRITE = """
    UPDATE reports_report SET cell = filled.cell
    FROM unnest(%s::uuid[], %s::bigint[]) AS filled (id, cell)
    WHERE reports_report.id = filled.id
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Compute the cells of the reports there are, batch by batch, each in its own transaction."""
    last = "00000000-0000-0000-0000-000000000000"
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(READ, (last, BATCH))
            rows = cursor.fetchall()
            if not rows:
                return
            cells = [h3.latlng_to_cell(row[1], row[2], RESOLUTION) for row in rows]
            cursor.execute(WRITE, ([row[0] for row in rows], cells))
            last = rows[-1][0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reports", "0009_duplicates")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
