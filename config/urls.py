"""The URL map: the public pages, the admin, the REST API, its documentation and the health checks.

A route is named once; `config.middleware.OptionalSlashMiddleware` serves it with and without its
trailing slash.
"""

from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from config import views
from jobs.operations.metrics import metrics_view
from notifications.views import development_messages
from reports.confirmation.pages import ConfirmRepairPage
from reports.following.views import unsubscribe_page

#: Its address has a hash, which is known once the static files are read.
ICON = lazy(static, str)("desk/icon.svg")

api_v1: list[URLPattern | URLResolver] = [
    path("health/", views.HealthView.as_view(), name="health"),
    path("", include("accounts.urls")),
    path("", include("matching.urls")),
    path("", include("reports.urls")),
    path("", include("notifications.urls")),
    path("", include("jobs.api.urls")),
]

urlpatterns = [
    path("", include("portal.urls")),
    path("favicon.ico", RedirectView.as_view(url=ICON), name="icon"),  # of pages that name none
    path("unsubscribe/<str:token>", unsubscribe_page, name="unsubscribe"),
    path("confirm", ConfirmRepairPage.as_view(), name="confirm-repair"),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api_v1)),
    path("open311/", include("georeport.urls")),
    path("api/schema/", views.SchemaView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(authentication_classes=()), name="docs"),
    path("metrics", metrics_view, name="metrics"),
    path("livez", views.LiveView.as_view(), name="livez"),
    path("readyz", views.HealthView.as_view(schema=None), name="readyz"),
    path("problems", views.problem_page, name="problem-types"),
    path("problems/<slug:slug>", views.problem_page, name="problem-type"),
]
if settings.DEBUG:
    urlpatterns += [path("dev/messages", development_messages, name="development-messages")]

handler404 = "portal.pages.not_found"
