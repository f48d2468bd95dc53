"""The pages of the desk that show deliveries and receipts, and send again what failed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from jobs.admin import ReadOnlyAdmin
from jobs.admin.exporting import ExportingAdmin
from jobs.models import FirstArgument, Task
from jobs.operations import actions
from jobs.states import TERMINAL_STATES, State
from notifications.models import Delivery, Receipt

ACTOR = "deliver_notification"


@admin.register(Delivery)
class DeliveryAdmin(ExportingAdmin[Delivery], ReadOnlyAdmin[Delivery]):
    """Shows deliveries with their task and receipt; those that failed can be sent again."""

    list_display = ("created_at", "user", "channel", "template", "status", "error", "finished_at")
    list_filter = ("status", "channel")
    list_select_related = ("user",)
    search_fields = ("=event_key", "user__phone", "user__name", "=provider_id")
    ordering = ("-id",)
    # Neither who received it nor the provider's words, which may name the address.
    export_fields = ("id", "channel", "template", "status", "created_at", "finished_at")
    readonly_fields = ("attempts", "receipt")
    actions = ("send_again",)

    @admin.display(description=_("attempts"), empty_value="-")
    def attempts(self, delivery: Delivery) -> SafeString | None:
        """Return how often its task was tried, as a link to the task, while that is kept."""
        task = _tasks([delivery.pk]).filter(state__in=TERMINAL_STATES).order_by("-pk").first()
        if task is None:
            return None
        place = reverse("admin:jobs_task_change", args=(task.pk,))
        return format_html(
            '<a href="{}">{}, {}</a>',
            place,
            _("%(attempt)s of %(all)s") % {"attempt": task.attempt, "all": task.max_attempts},
            task.get_state_display(),
        )

    @admin.display(description=_("receipt of the provider"), empty_value="-")
    def receipt(self, delivery: Delivery) -> str | None:
        if not delivery.provider_id:
            return None
        receipt = Receipt.objects.filter(provider_id=delivery.provider_id).first()
        return None if receipt is None else f"{receipt}, {receipt.received_at:%Y-%m-%d %H:%M:%S}"

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_delivery")

    @admin.action(description=_("Send again what failed"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Replay the dead tasks of the chosen deliveries.

        Others are left alone: they were sent, or may have been, and nobody wants a message twice.
        """
        chosen = list(queryset.values_list("pk", flat=True))
        dead = _tasks(chosen).filter(state=State.DEAD).values_list("pk", flat=True)
        count = actions.replay(list(dead), by=request.user.pk)
        level = messages.SUCCESS if count else messages.WARNING
        text = ngettext(
            "%(count)s of %(all)s delivery is sent again.",
            "%(count)s of %(all)s deliveries are sent again.",
            len(chosen),
        )
        self.message_user(request, text % {"count": count, "all": len(chosen)}, level)


def _tasks(deliveries: list[UUID]) -> QuerySet[Task]:
    """Return the tasks that send these deliveries, along the index of arguments."""
    sending: Any = Task.objects.filter(actor=ACTOR).alias(about=FirstArgument("args"))
    tasks: QuerySet[Task] = sending.filter(about__in=[str(key) for key in deliveries])
    return tasks


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin[Receipt]):
    list_display = ("received_at", "provider_id", "status", "error")
    list_filter = ("status",)
    search_fields = ("=provider_id",)
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
