import django.db.models.functions.datetime
from django.db import migrations, models

# Functions of their own search path: nothing that somebody else made answers for PostgreSQL's own.
STAMPED = """
CREATE FUNCTION accounts_stamp_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.id IS DISTINCT FROM
       currval(pg_get_serial_sequence(format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME), 'id')) THEN
        RAISE EXCEPTION 'the id of an audit event comes from its sequence' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.created_at := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER accounts_auditevent_stamped
BEFORE INSERT ON accounts_auditevent FOR EACH ROW EXECUTE FUNCTION accounts_stamp_event();

CREATE FUNCTION accounts_check_seal() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF abs(extract(epoch FROM clock_timestamp() - NEW.sealed_at)) > 60 THEN
        RAISE EXCEPTION 'a seal bears the time at which it is made' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER accounts_auditseal_timely
BEFORE INSERT ON accounts_auditseal FOR EACH ROW EXECUTE FUNCTION accounts_check_seal();
"""
NOT_STAMPED = """
DROP TRIGGER accounts_auditseal_timely ON accounts_auditseal;
DROP FUNCTION accounts_check_seal();
DROP TRIGGER accounts_auditevent_stamped ON accounts_auditevent;
DROP FUNCTION accounts_stamp_event();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_report_sms'),
    ]

    operations = [
        migrations.AlterField(
            model_name='auditevent',
            name='created_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text="By PostgreSQL's clock: a trigger stamps it."),
        ),
        migrations.AlterField(
            model_name='reputationentry',
            name='created_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.RunSQL(sql=STAMPED, reverse_sql=NOT_STAMPED),
    ]
