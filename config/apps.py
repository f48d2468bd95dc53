from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig


class CivicLensConfig(AppConfig):
    """The commands that touch several apps."""

    name = "config"


class CivicLensAdminConfig(AdminConfig):
    """The staff's desk."""

    default_site = "config.admin.CivicLensAdminSite"

    def ready(self) -> None:
        super().ready()
        from config import http_metrics  # noqa: PLC0415 - models are loaded only now

        http_metrics.register()
        from django_dramatiq.models import Task  # noqa: PLC0415
        from django_otp.plugins.otp_totp.models import TOTPDevice  # noqa: PLC0415

        # The ledger has the tasks, not Dramatiq; `manage.py enrol_totp` makes authenticators, whose
        # keys stay hidden.
        admin.site.unregister([Task, TOTPDevice])
