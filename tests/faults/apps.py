from django.apps import AppConfig


class FaultsConfig(AppConfig):
    """The actors whose effects a campaign counts."""

    name = "tests.faults"
    label = "faults"
