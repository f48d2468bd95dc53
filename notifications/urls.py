"""Routes under /api/v1/."""

from django.urls import path

from notifications import views

urlpatterns = [path("notifications/receipts/", views.ReceiptView.as_view(), name="receipts")]
