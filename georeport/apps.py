from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GeoReportConfig(AppConfig):
    """The app of the Open311 interface."""

    name = "georeport"
    verbose_name = _("Open311")
    default_auto_field = "django.db.models.BigAutoField"
