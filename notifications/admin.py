"""Deliveries and their receipts at the staff's desk: to be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from notifications.models import Delivery, Receipt


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that the software writes: to be looked at."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "channel", "template", "status", "error", "finished_at")
    list_filter = ("status", "channel", "template")
    list_select_related = ("user",)
    search_fields = ("=event_key", "user__phone", "user__name", "=provider_id")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "provider_id", "status", "error")
    list_filter = ("status",)
    search_fields = ("=provider_id",)
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
