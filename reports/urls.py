"""Routes below /api/v1/."""

from django.urls import path

from reports import views
from reports.catalogue import views as catalogue
from reports.collection import views as collection
from reports.confirmation import views as confirmation
from reports.conversation import views as conversation
from reports.dispatch import views as dispatch
from reports.duplicates import views as duplicates
from reports.figures import views as figures
from reports.following import views as following
from reports.helping import views as helping
from reports.leaderboard import views as leaderboard
from reports.moderation import views as moderation
from reports.photos import views as photos
from reports.policies import views as policies
from reports.routing import views as routing
from reports.steps import views as steps

urlpatterns = [
    path("reports/", views.ReportListView.as_view(), name="report-list"),
    path(
        "reports/check-duplicates/",
        duplicates.CheckDuplicatesView.as_view(),
        name="report-check-duplicates",
    ),
    path("reports/<uuid:pk>/", views.ReportDetailView.as_view(), name="report-detail"),
    path("reports/<uuid:pk>/contact/", views.ReportContactView.as_view(), name="report-contact"),
    path("reports/<uuid:pk>/status/", views.ReportStatusView.as_view(), name="report-status"),
    path("reports/bulk-steps/", steps.BulkStepsView.as_view(), name="report-bulk-steps"),
    path("reports/<uuid:pk>/steps/", steps.ReportStepsView.as_view(), name="report-steps"),
    path("reports/<uuid:pk>/undo-step/", steps.UndoStepView.as_view(), name="report-undo-step"),
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
    path(
        "reports/<uuid:pk>/help-requests/",
        helping.HelpRequestListView.as_view(),
        name="report-help-requests",
    ),
    path(
        "reports/<uuid:pk>/help-requests/complete/",
        helping.CompleteHelpView.as_view(),
        name="report-complete-help",
    ),
    path(
        "reports/<uuid:pk>/help-requests/withdraw/",
        helping.WithdrawHelpView.as_view(),
        name="report-withdraw-help",
    ),
    path(
        "patterns/<uuid:pk>/help-requests/",
        helping.PatternHelpView.as_view(),
        name="pattern-help-requests",
    ),
    path("reports/<uuid:pk>/photos/", photos.ReportPhotosView.as_view(), name="report-photos"),
    path("photos/<uuid:pk>/", photos.PhotoView.as_view(), name="photo-detail"),
    path("photos/<uuid:pk>/<str:size>.jpg", photos.PhotoFileView.as_view(), name="photo-file"),
    path("photos/<uuid:pk>/take-down/", photos.TakeDownView.as_view(), name="photo-take-down"),
    path("photos/<uuid:pk>/restore/", photos.RestoreView.as_view(), name="photo-restore"),
    path("reports/<uuid:pk>/flag/", moderation.ReportFlagView.as_view(), name="report-flag"),
    path(
        "reports/<uuid:pk>/comments/", conversation.CommentListView.as_view(), name="comment-list"
    ),
    path(
        "reports/<uuid:pk>/comments/<uuid:comment_id>/",
        conversation.CommentView.as_view(),
        name="comment-detail",
    ),
    path(
        "reports/<uuid:pk>/comments/<uuid:comment_id>/flag/",
        conversation.CommentFlagView.as_view(),
        name="comment-flag",
    ),
    path(
        "reports/<uuid:pk>/comments/<uuid:comment_id>/hide/",
        conversation.CommentHideView.as_view(),
        name="comment-hide",
    ),
    path("reports/<uuid:pk>/notes/", conversation.StaffNoteListView.as_view(), name="note-list"),
    path(
        "reports/<uuid:pk>/reply-templates/",
        conversation.ReplyTemplateListView.as_view(),
        name="reply-template-list",
    ),
    path("reports/<uuid:pk>/replies/", conversation.ReplyView.as_view(), name="reply-create"),
    path("reports/<uuid:pk>/follow/", following.FollowView.as_view(), name="report-follow"),
    path("reports/<uuid:pk>/me-too/", following.MeTooView.as_view(), name="report-me-too"),
    path(
        "area-subscriptions/",
        following.AreaSubscriptionListView.as_view(),
        name="area-subscription-list",
    ),
    path(
        "area-subscriptions/<uuid:pk>/",
        following.AreaSubscriptionView.as_view(),
        name="area-subscription",
    ),
    path("moderation/", moderation.ModerationListView.as_view(), name="moderation-list"),
    path(
        "moderation/<uuid:pk>/approve/",
        moderation.ApproveView.as_view(),
        name="moderation-approve",
    ),
    path("moderation/<uuid:pk>/reject/", moderation.RejectView.as_view(), name="moderation-reject"),
    path(
        "reports/<uuid:pk>/confirmation/",
        confirmation.ConfirmationView.as_view(),
        name="report-confirmation",
    ),
    path("collection/webhooks/<uuid:pk>/", collection.WebhookView.as_view(), name="webhook"),
    path("leaderboard/", leaderboard.LeaderboardView.as_view(), name="leaderboard"),
    path("dashboard/", figures.DashboardView.as_view(), name="dashboard"),
    path("dashboard/timeseries/", figures.TimeseriesView.as_view(), name="dashboard-timeseries"),
    path("dispatch-plans/", dispatch.DispatchPlanListView.as_view(), name="dispatch-plan-list"),
    path(
        "dispatch-plans/<uuid:plan_id>/",
        dispatch.DispatchPlanView.as_view(),
        name="dispatch-plan-detail",
    ),
    path(
        "dispatch-plans/<uuid:plan_id>/geojson/",
        dispatch.DispatchPlanGeoJsonView.as_view(),
        name="dispatch-plan-geojson",
    ),
    path(
        "dispatch-plans/<uuid:plan_id>/apply/",
        dispatch.ApplyPlanView.as_view(),
        name="dispatch-plan-apply",
    ),
    path(
        "dispatch-plans/<uuid:plan_id>/undo/",
        dispatch.UndoPlanView.as_view(),
        name="dispatch-plan-undo",
    ),
    path("categories/", catalogue.CategoryListView.as_view(), name="category-list"),
    path("departments/", catalogue.DepartmentListView.as_view(), name="department-list"),
    path("policies/", policies.PolicyListView.as_view(), name="policy-list"),
    path("policies/revert/", policies.PolicyRevertView.as_view(), name="policy-revert"),
    path("routing-rules/", routing.RoutingRuleListView.as_view(), name="routing-rule-list"),
    path("routing-rules/trial/", routing.RoutingTrialView.as_view(), name="routing-rule-trial"),
]
