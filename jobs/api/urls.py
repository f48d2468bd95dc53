"""Routes below /api/v1/.

Ids are UUIDs alone, so that other apps may have words there, such as `jobs/match/`.
"""

from django.urls import path

from jobs.api import views

urlpatterns = [
    path("job-types/", views.JobTypeListView.as_view(), name="job-type-list"),
    path("jobs/", views.JobListView.as_view(), name="job-list"),
    path("jobs/<uuid:job_id>/", views.JobView.as_view(), name="job-detail"),
    path("jobs/<uuid:job_id>/cancel/", views.JobCancelView.as_view(), name="job-cancel"),
]
