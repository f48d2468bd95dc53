from django.contrib.admin.apps import AdminConfig


class CivicLensAdminConfig(AdminConfig):
    """The staff's desk."""
