"""Routes below /api/v1/."""

from django.urls import path

from matching.opportunities import views as opportunities
from matching.partners import views as partners
from matching.profiles import views as profiles
from matching.ranking import views as ranking
from matching.runs import views as runs

urlpatterns = [
    path("profiles/me/", profiles.ProfileView.as_view(), name="profile-me"),
    path("onboarding/confirm/", profiles.OnboardingView.as_view(), name="onboarding-confirm"),
    path("opportunities/", opportunities.OpportunityListView.as_view(), name="opportunity-list"),
    path(
        "opportunities/<uuid:pk>/",
        opportunities.OpportunityDetailView.as_view(),
        name="opportunity-detail",
    ),
    path(
        "opportunities/<uuid:pk>/apply/",
        opportunities.ApplicationView.as_view(),
        name="opportunity-apply",
    ),
    path(
        "opportunities/<uuid:pk>/save/",
        opportunities.SavedOpportunityView.as_view(),
        name="opportunity-save",
    ),
    path(
        "opportunities/<uuid:pk>/dismiss/",
        opportunities.DismissedOpportunityView.as_view(),
        name="opportunity-dismiss",
    ),
    path(
        "partner/opportunities/",
        partners.PartnerOpportunityListView.as_view(),
        name="partner-opportunity-list",
    ),
    path(
        "partner/opportunities/<uuid:pk>/",
        partners.PartnerOpportunityView.as_view(),
        name="partner-opportunity",
    ),
    path(
        "partner/opportunities/<uuid:pk>/applicants/",
        partners.PartnerApplicantListView.as_view(),
        name="partner-applicant-list",
    ),
    path("matches/", ranking.MatchListView.as_view(), name="match-list"),
    path("matches/calculate/", runs.CalculateView.as_view(), name="match-calculate"),
    path("jobs/match/", runs.MatchRunView.as_view(), name="match-run-create"),
    path("jobs/match/legacy/", runs.LegacyMatchView.as_view(), name="match-run-legacy"),
    path(
        "jobs/match/status/<uuid:task_id>/",
        runs.MatchRunStatusView.as_view(),
        name="match-run-status",
    ),
]
