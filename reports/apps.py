from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "Reports"

    def ready(self) -> None:
        """Make the importer known."""
        from imports.importers import register  # noqa: PLC0415 - models are loaded only now
        from reports.importing.importer import ReportImporter  # noqa: PLC0415

        register(ReportImporter)
