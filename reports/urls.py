"""Routes below /api/v1/."""

from django.urls import path

from reports import views
from reports.catalogue import views as catalogue
from reports.duplicates import views as duplicates
from reports.photos import views as photos

urlpatterns = [
    path("reports/", views.ReportListView.as_view(), name="report-list"),
    path(
        "reports/check-duplicates/",
        duplicates.CheckDuplicatesView.as_view(),
        name="report-check-duplicates",
    ),
    path("reports/<uuid:pk>/", views.ReportDetailView.as_view(), name="report-detail"),
    path("reports/<uuid:pk>/status/", views.ReportStatusView.as_view(), name="report-status"),
    path(
        "reports/<uuid:pk>/duplicates/",
        duplicates.DuplicateListView.as_view(),
        name="report-duplicates",
    ),
    path("reports/<uuid:pk>/merge/", duplicates.MergeView.as_view(), name="report-merge"),
    path(
        "reports/<uuid:pk>/refuse-duplicate/",
        duplicates.RefuseView.as_view(),
        name="report-refuse-duplicate",
    ),
    path(
        "reports/<uuid:pk>/undo-duplicate/",
        duplicates.UndoView.as_view(),
        name="report-undo-duplicate",
    ),
    path("reports/<uuid:pk>/photos/", photos.ReportPhotosView.as_view(), name="report-photos"),
    path("photos/<uuid:pk>/", photos.PhotoView.as_view(), name="photo-detail"),
    path("photos/<uuid:pk>/<str:size>.jpg", photos.PhotoFileView.as_view(), name="photo-file"),
    path("photos/<uuid:pk>/take-down/", photos.TakeDownView.as_view(), name="photo-take-down"),
    path("photos/<uuid:pk>/restore/", photos.RestoreView.as_view(), name="photo-restore"),
    path("categories/", catalogue.CategoryListView.as_view(), name="category-list"),
    path("departments/", catalogue.DepartmentListView.as_view(), name="department-list"),
]
