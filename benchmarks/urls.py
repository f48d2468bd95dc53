"""The product's routes, and the same report creation with its work done in the request."""

from django.urls import include, path

from benchmarks.inline import InlineReportView

urlpatterns = [
    path("api/v1/inline/reports/", InlineReportView.as_view(), name="inline-report-list"),
    path("", include("config.urls")),
]
