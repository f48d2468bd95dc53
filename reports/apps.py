from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "Reports"

    def ready(self) -> None:
        """Make the importer known, and what can be moderated."""
        from imports.importers import register  # noqa: PLC0415 - models are loaded only now
        from reports.conversation import commenting  # noqa: PLC0415
        from reports.importing.importer import ReportImporter  # noqa: PLC0415
        from reports.moderation import reports, subjects  # noqa: PLC0415

        register(ReportImporter)
        subjects.register(reports.SUBJECT)
        subjects.register(commenting.SUBJECT)
