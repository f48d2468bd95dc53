from django.apps import AppConfig


class ProbeConfig(AppConfig):
    """Actors that tests run in real workers."""

    name = "tests.jobs.probe"
    label = "probe"
