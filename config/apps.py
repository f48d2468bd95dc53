from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class CivicLensConfig(AppConfig):
    """The app of the commands that concern several apps."""

    name = "config"

    def ready(self) -> None:
        """Connect apps that may not import each other."""
        from config import helping  # noqa: PLC0415 - models are loaded only now

        helping.connect()


class CivicLensAdminConfig(AdminConfig):
    """The app of the desk, Django's admin site."""

    default_site = "config.admin.CivicLensAdminSite"

    def ready(self) -> None:
        super().ready()
        from config import http_metrics  # noqa: PLC0415 - models are loaded only now

        http_metrics.register()
        from django_dramatiq.models import Task  # noqa: PLC0415
        from django_otp.plugins.otp_totp.models import TOTPDevice  # noqa: PLC0415

        # Tasks are in the ledger, not in Dramatiq's table; authenticators are created by
        # `manage.py enrol_totp`, and their secrets are not shown.
        admin.site.unregister([Task, TOTPDevice])
