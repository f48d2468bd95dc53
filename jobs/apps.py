from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    name = "jobs"
    verbose_name = _("Tasks")

    def ready(self) -> None:
        # Every process knows every actor and job type, not only the workers.
        autodiscover_modules(*settings.DRAMATIQ_AUTODISCOVER_MODULES)
        from jobs import checks  # noqa: F401, PLC0415 - registers them; they need the models
