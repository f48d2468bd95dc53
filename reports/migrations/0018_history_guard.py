from django.db import migrations

# A line goes only by the foreign key's own cascade, when its report is gone already.
GUARD = """
CREATE FUNCTION reports_guard_history() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE has_report boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.by_id IS NULL
       AND to_jsonb(NEW) - 'by_id' = to_jsonb(OLD) - 'by_id' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.reports_report WHERE id = $1)', TG_TABLE_SCHEMA)
        INTO has_report USING OLD.report_id;
        IF NOT has_report THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER reports_statuschange_append_only BEFORE UPDATE OR DELETE ON reports_statuschange
FOR EACH ROW EXECUTE FUNCTION reports_guard_history();
CREATE TRIGGER reports_statuschange_no_truncate BEFORE TRUNCATE ON reports_statuschange
FOR EACH STATEMENT EXECUTE FUNCTION reports_guard_history();
"""
NO_GUARD = """
DROP TRIGGER reports_statuschange_no_truncate ON reports_statuschange;
DROP TRIGGER reports_statuschange_append_only ON reports_statuschange;
DROP FUNCTION reports_guard_history();
"""
COUNTED = """
CREATE FUNCTION reports_count_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER reports_report_counted BEFORE UPDATE ON reports_report
FOR EACH ROW EXECUTE FUNCTION reports_count_version();
"""
NOT_COUNTED = """
DROP TRIGGER reports_report_counted ON reports_report;
DROP FUNCTION reports_count_version();
"""
DROP_FOREIGN_KEY = """
DO $$
DECLARE name text;
BEGIN
    SELECT conname INTO STRICT name FROM pg_constraint
    WHERE conrelid = 'reports_statuschange'::regclass AND confrelid = 'reports_report'::regclass
      AND contype = 'f';
    EXECUTE format('ALTER TABLE reports_statuschange DROP CONSTRAINT %I', name);
END
$$;
"""
ADD_FOREIGN_KEY = """
ALTER TABLE reports_statuschange ADD CONSTRAINT reports_statuschange_report_fk
    FOREIGN KEY (report_id) REFERENCES reports_report (id){action} DEFERRABLE INITIALLY DEFERRED NOT VALID;
ALTER TABLE reports_statuschange VALIDATE CONSTRAINT reports_statuschange_report_fk;
"""
CASCADING = DROP_FOREIGN_KEY + ADD_FOREIGN_KEY.format(action=" ON DELETE CASCADE")
PLAIN = DROP_FOREIGN_KEY + ADD_FOREIGN_KEY.format(action="")
# Until now every member could do what is now the managers' part.
ALL_ARE_MANAGERS = "UPDATE reports_departmentmembership SET is_manager = true"


class Migration(migrations.Migration):
    dependencies = [("reports", "0017_workflow")]
    operations = [
        migrations.RunSQL(ALL_ARE_MANAGERS, migrations.RunSQL.noop),
        migrations.RunSQL(CASCADING, PLAIN),
        migrations.RunSQL(GUARD, NO_GUARD),
        migrations.RunSQL(COUNTED, NOT_COUNTED),
    ]
