from django.db import migrations, models

# An address that the geocoder finds is no change that a person could overwrite unseen, or that
# would keep them from undoing a step. The answer's own digest still gives it another entity tag.
COUNTED_BUT_FOR_ADDRESSES = """
CREATE OR REPLACE TRIGGER reports_report_counted BEFORE UPDATE ON reports_report FOR EACH ROW
WHEN (OLD.is_address_looked_up OR NOT NEW.is_address_looked_up)
EXECUTE FUNCTION reports_count_version();
"""
COUNTED = """
CREATE OR REPLACE TRIGGER reports_report_counted BEFORE UPDATE ON reports_report FOR EACH ROW
EXECUTE FUNCTION reports_count_version();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0025_escalation_and_confirmation'),
    ]

    operations = [
        migrations.AddField(
            model_name='report',
            name='is_address_looked_up',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='Whether the geocoder found the address, since the reporter gave none.', verbose_name='address looked up'),
        ),
        migrations.RunSQL(COUNTED_BUT_FOR_ADDRESSES, COUNTED),
    ]
