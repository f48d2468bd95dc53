"""The pages of the desk that stand beside Django's lists and forms.

`config.admin.CivicLensAdminSite` serves each below /admin/, to signed-in staff alone, under the
name `admin:desk_…`. A page checks by itself what else its reader must be allowed to do.
"""

from __future__ import annotations

from django.urls import URLPattern, path

from desk.city.views import city
from desk.finding import pages as finding
from desk.map import pages as map_pages
from desk.operations.views import operations
from desk.shell import handbook, settings_page, tables
from desk.triage import views as triage
from desk.views import pages as view_pages

pages: list[URLPattern] = [
    path("find/", finding.page, name="desk_find"),
    path("find/answers/", finding.answers, name="desk_find_answers"),
    path("help/", handbook.page, name="desk_help"),
    path("city/", city, name="desk_city"),
    path("operations/", operations, name="desk_operations"),
    path("settings/", settings_page.page, name="desk_settings"),
    path("tables/", tables.page, name="desk_tables"),
    path("views/", view_pages.views_page, name="desk_views"),
    path("views/save/", view_pages.save_view, name="desk_view_save"),
    path("views/<int:view_id>/", view_pages.change_view, name="desk_view"),
    path("columns/", view_pages.columns_view, name="desk_columns"),
    path("map/", map_pages.map_page, name="desk_map"),
    path("map/reports/", map_pages.reports_view, name="desk_map_reports"),
    path("map/around/<uuid:report_id>/", map_pages.around_view, name="desk_map_around"),
    path("map/patterns/", map_pages.patterns_view, name="desk_map_patterns"),
    path("map/background/", map_pages.background_view, name="desk_map_background"),
    path("map/streets/<int:x>/<int:y>/", map_pages.streets_view, name="desk_map_streets"),
    path("triage/", triage.triage_page, name="desk_triage"),
    path("triage/line/", triage.line_view, name="desk_triage_line"),
    path("triage/undo/", triage.undo_view, name="desk_triage_undo"),
    path("triage/<uuid:report_id>/", triage.triage_page, name="desk_triage_report"),
    path("triage/<uuid:report_id>/card/", triage.card_view, name="desk_triage_card"),
    path("triage/<uuid:report_id>/look/", triage.look_view, name="desk_triage_look"),
    path("triage/<uuid:report_id>/replies/", triage.replies_view, name="desk_triage_replies"),
    path("triage/<uuid:report_id>/<slug:name>/", triage.act_view, name="desk_triage_act"),
]
