from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    """The app of the desk's pages that concern several models or several apps."""

    name = "desk"
    verbose_name = _("Desk")

    def ready(self) -> None:
        """Keep what people choose for the list of reports."""
        from desk.views.keeping import KeptPreferences  # noqa: PLC0415 - models are loaded only now
        from reports.desk import preferences  # noqa: PLC0415

        preferences.keep_in(KeptPreferences())
