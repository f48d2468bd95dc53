"""The pages of the desk that stand beside Django's lists and forms.

`config.admin.CivicLensAdminSite` serves each below /admin/, to signed-in staff alone, under the
name `admin:desk_…`. A page checks by itself what else its reader must be allowed to do.
"""

from __future__ import annotations

from django.urls import URLPattern, path

from desk.map import pages as map_pages
from desk.operations.views import operations

pages: list[URLPattern] = [
    path("operations/", operations, name="desk_operations"),
    path("map/", map_pages.map_page, name="desk_map"),
    path("map/reports/", map_pages.reports_view, name="desk_map_reports"),
    path("map/around/<uuid:report_id>/", map_pages.around_view, name="desk_map_around"),
    path("map/background/", map_pages.background_view, name="desk_map_background"),
    path("map/streets/<int:x>/<int:y>/", map_pages.streets_view, name="desk_map_streets"),
]
