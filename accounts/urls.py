"""Routes of the accounts, under /api/v1/."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("auth/request-otp/", views.RequestOtpView.as_view(), name="request-otp"),
    path("auth/verify-otp/", views.VerifyOtpView.as_view(), name="verify-otp"),
    path("auth/refresh/", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout/", views.LogoutView.as_view(), name="logout"),
    path("auth/sessions/", views.SessionListView.as_view(), name="sessions"),
    path("auth/sessions/<uuid:session_id>/", views.SessionView.as_view(), name="session"),
    path("auth/second-factor/", views.SecondFactorView.as_view(), name="second-factor"),
    path(
        "auth/fresh-proof/request-code/",
        views.RequestFreshProofView.as_view(),
        name="request-fresh-proof",
    ),
    path("auth/fresh-proof/", views.FreshProofView.as_view(), name="fresh-proof"),
    path("users/me/", views.MeView.as_view(), name="me"),
    path(
        "users/me/phone/request-code/",
        views.RequestPhoneCodeView.as_view(),
        name="request-phone-code",
    ),
    path("users/me/phone/verify/", views.ChangePhoneView.as_view(), name="change-phone"),
    path(
        "users/me/email/request-code/",
        views.RequestEmailCodeView.as_view(),
        name="request-email-code",
    ),
    path("users/me/email/verify/", views.VerifyEmailView.as_view(), name="verify-email"),
]
