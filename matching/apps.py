from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MatchingConfig(AppConfig):
    name = "matching"
    verbose_name = _("Matching")

    def ready(self) -> None:
        """Make the checks and the importer known."""
        from imports.importers import register  # noqa: PLC0415 - models are loaded only now
        from matching import checks  # noqa: F401, PLC0415 - Django's way to register them
        from matching.importing import OpportunityImporter  # noqa: PLC0415

        register(OpportunityImporter)
