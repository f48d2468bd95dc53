from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Register the importer, what can be moderated, what messages need, what is watched."""
        from imports.importers import register  # noqa: PLC0415 - models are loaded only now
        from jobs.operations import alerts, metrics  # noqa: PLC0415
        from notifications import links  # noqa: PLC0415
        from reports.collection import watching  # noqa: PLC0415
        from reports.confirmation import links as confirmation_links  # noqa: PLC0415
        from reports.conversation import commenting  # noqa: PLC0415
        from reports.importing.importer import ReportImporter  # noqa: PLC0415
        from reports.moderation import reports, subjects  # noqa: PLC0415

        register(ReportImporter)
        alerts.MEASURES["collection_errors"] = (watching.failing_sources, watching.SENTENCE)
        metrics.web_registry.register(watching.CollectionCollector())
        subjects.register(reports.SUBJECT)
        subjects.register(commenting.SUBJECT)
        links.register(confirmation_links.NAME, confirmation_links.path_of)
