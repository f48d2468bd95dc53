from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    """The app of the public pages."""

    name = "portal"
    verbose_name = _("Public pages")
