"""The pages of the desk that stand beside Django's lists and forms.

`config.admin.CivicLensAdminSite` serves each below /admin/, to signed-in staff alone, under the
name `admin:desk_…`. A page checks by itself what else its reader must be allowed to do.
"""

from __future__ import annotations

from django.urls import URLPattern, path

from desk.operations.views import operations

pages: list[URLPattern] = [
    path("operations/", operations, name="desk_operations"),
]
