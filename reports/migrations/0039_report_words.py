import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

# A change of the report, such as of its status, that leaves its words alone costs nothing here. The
# function has the rights of the owner, since the application gets its own only after all migrations.
FOLLOWED = """
CREATE FUNCTION reports_words_of(title text, description text, address text, external_id text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN to_tsvector(
    'simple'::regconfig,
    coalesce(title, '') || ' ' || coalesce(description, '') || ' ' || coalesce(address, '') || ' '
    || coalesce(external_id, '')
);

CREATE FUNCTION reports_store_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO reports_reportwords (report_id, created_at, words)
    VALUES (
        NEW.id, NEW.created_at, reports_words_of(NEW.title, NEW.description, NEW.address, NEW.external_id)
    )
    ON CONFLICT (report_id) DO UPDATE SET created_at = excluded.created_at, words = excluded.words;
    RETURN NULL;
END $$;

CREATE TRIGGER reports_report_words
AFTER INSERT OR UPDATE OF title, description, address, external_id, created_at ON reports_report
FOR EACH ROW EXECUTE FUNCTION reports_store_words();

ALTER TABLE reports_reportwords ADD CONSTRAINT reports_reportwords_report_fk
    FOREIGN KEY (report_id) REFERENCES reports_report (id) ON DELETE CASCADE;
"""
NOT_FOLLOWED = """
DROP TRIGGER reports_report_words ON reports_report;
DROP FUNCTION reports_store_words();
DROP FUNCTION reports_words_of(text, text, text, text);
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0038_arrival_forecast")]
    operations = [
        migrations.CreateModel(
            name="ReportWords",
            fields=[
                (
                    "report",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="words",
                        serialize=False,
                        to="reports.report",
                    ),
                ),
                ("created_at", models.DateTimeField(help_text="When the report was made.")),
                (
                    "words",
                    django.contrib.postgres.search.SearchVectorField(
                        help_text="Its words, as PostgreSQL splits a text."
                    ),
                ),
            ],
        ),
        migrations.RunSQL(FOLLOWED, NOT_FOLLOWED),
    ]
