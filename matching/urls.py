"""Routes below /api/v1/."""

from django.urls import path

from matching import views
from matching.models import Interaction
from matching.runs import views as run_views

urlpatterns = [
    path("profiles/me/", views.ProfileView.as_view(), name="profile-me"),
    path("onboarding/confirm/", run_views.OnboardingView.as_view(), name="onboarding-confirm"),
    path("opportunities/", views.OpportunityListView.as_view(), name="opportunity-list"),
    path(
        "opportunities/<uuid:pk>/", views.OpportunityDetailView.as_view(), name="opportunity-detail"
    ),
    *(
        path(
            f"opportunities/<uuid:pk>/{kind}/",
            views.InteractionView.as_view(kind=kind),
            name=f"opportunity-{kind}",
        )
        for kind in Interaction.Kind.values
    ),
    path(
        "partner/opportunities/",
        views.PartnerOpportunityListView.as_view(),
        name="partner-opportunity-list",
    ),
    path(
        "partner/opportunities/<uuid:pk>/",
        views.PartnerOpportunityView.as_view(),
        name="partner-opportunity",
    ),
    path(
        "partner/opportunities/<uuid:pk>/applicants/",
        views.PartnerApplicantListView.as_view(),
        name="partner-applicant-list",
    ),
    path("matches/", views.MatchListView.as_view(), name="match-list"),
    path("matches/calculate/", run_views.CalculateView.as_view(), name="match-calculate"),
    path("jobs/match/", run_views.MatchRunView.as_view(), name="match-run-create"),
    path("jobs/match/legacy/", run_views.LegacyMatchView.as_view(), name="match-run-legacy"),
    path(
        "jobs/match/status/<uuid:task_id>/",
        run_views.MatchRunStatusView.as_view(),
        name="match-run-status",
    ),
]
