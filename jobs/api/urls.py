"""Routes below /api/v1/.

Ids are UUIDs alone, so that other apps may have words there, such as `jobs/match/`.
"""

from django.urls import path

from jobs.api import views
from jobs.results import views as result_views

urlpatterns = [
    path("job-types/", views.JobTypeListView.as_view(), name="job-type-list"),
    path("jobs/", views.JobListView.as_view(), name="job-list"),
    path("jobs/<uuid:job_id>/", views.JobView.as_view(), name="job-detail"),
    path("jobs/<uuid:job_id>/cancel/", views.JobCancelView.as_view(), name="job-cancel"),
    path("job-results/", result_views.JobResultListView.as_view(), name="job-result-list"),
    path("job-results/<uuid:result_id>/", result_views.JobResultView.as_view(), name="job-result"),
    path(
        "job-results/<uuid:result_id>/compare/",
        result_views.JobResultComparisonView.as_view(),
        name="job-result-comparison",
    ),
    path(
        "job-results/<uuid:result_id>/export/",
        result_views.JobResultExportView.as_view(),
        name="job-result-export",
    ),
]
