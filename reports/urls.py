"""Routes below /api/v1/."""

from django.urls import path

from reports import views
from reports.catalogue import views as catalogue

urlpatterns = [
    path("reports/", views.ReportListView.as_view(), name="report-list"),
    path("reports/<uuid:pk>/", views.ReportDetailView.as_view(), name="report-detail"),
    path("reports/<uuid:pk>/status/", views.ReportStatusView.as_view(), name="report-status"),
    path("categories/", catalogue.CategoryListView.as_view(), name="category-list"),
    path("departments/", catalogue.DepartmentListView.as_view(), name="department-list"),
]
