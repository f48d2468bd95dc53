from django.apps import AppConfig


class MatchingConfig(AppConfig):
    name = "matching"
    verbose_name = "Matching"

    def ready(self) -> None:
        """The checks are known."""
        from matching import checks  # noqa: F401, PLC0415 - Django's way to register them
