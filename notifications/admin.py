"""The pages of the desk that show deliveries and receipts, read-only."""

from __future__ import annotations

from django.contrib import admin

from jobs.admin import ReadOnlyAdmin
from notifications.models import Delivery, Receipt


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    list_display = ("created_at", "user", "channel", "template", "status", "error", "finished_at")
    list_filter = ("status", "channel", "template")
    list_select_related = ("user",)
    search_fields = ("=event_key", "user__phone", "user__name", "=provider_id")
    ordering = ("-id",)


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin[Receipt]):
    list_display = ("received_at", "provider_id", "status", "error")
    list_filter = ("status",)
    search_fields = ("=provider_id",)
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
