"""The URL map: the admin, the REST API, its documentation and the health checks."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
