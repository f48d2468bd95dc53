from django.apps import AppConfig


class DeskConfig(AppConfig):
    """The app of the desk's pages that concern several models or several apps."""

    name = "desk"
    verbose_name = "Desk"
