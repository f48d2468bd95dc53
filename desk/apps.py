from django.apps import AppConfig


class DeskConfig(AppConfig):
    """The app of the desk's pages that concern several models or several apps."""

    name = "desk"
    verbose_name = "Desk"

    def ready(self) -> None:
        """Keep what people choose for the list of reports."""
        from desk.views.keeping import KeptPreferences  # noqa: PLC0415 - models are loaded only now
        from reports.desk import preferences  # noqa: PLC0415

        preferences.keep_in(KeptPreferences())
