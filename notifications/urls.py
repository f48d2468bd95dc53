"""The development mailbox; config/urls.py includes it only where DEBUG is on."""

from django.urls import path

from notifications import views

urlpatterns = [path("dev/messages", views.development_messages, name="development-messages")]
