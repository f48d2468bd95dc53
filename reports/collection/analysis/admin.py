"""The desk's page of topics: a list is written, tried on posts, and put into use."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.model_fields import PlainFormField
from jobs.plain_text import paragraphs
from reports.collection.analysis import topic_lists, topics
from reports.collection.analysis.actors import preview_topics, reassign_topics
from reports.errors import TopicListInUse, TopicListInvalid
from reports.models import TopicList


class TopicListForm(forms.ModelForm[TopicList]):
    """A list as text; a new one begins with the one in use."""

    text = PlainFormField(
        clean_text=paragraphs,
        label=_("Topics"),
        widget=forms.Textarea(attrs={"rows": 40, "cols": 100}),
        help_text=_(
            "A line such as <code>roads:</code> for each topic, and below it a line for each "
            "of its phrases, as people would write them. A post has the topic of the phrase that "
            "its text is nearest to."
        ),
    )

    class Meta:
        model = TopicList
        fields = ("note",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "text" in self.fields:
            self.initial["text"] = topic_lists.as_text(topics.phrases_of(topics.in_use()))

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        try:
            self.instance.topics = topic_lists.parse(text)
        except TopicListInvalid as error:
            raise forms.ValidationError(str(error)) from error
        return text


@admin.register(TopicList)
class TopicListAdmin(AuditedAdmin[TopicList]):
    """Lists of topics; none is edited, so that one can go back to an earlier one."""

    form = TopicListForm
    list_display = ("__str__", "is_in_use", "used_since", "would_change", "created_at")
    ordering = ("-pk",)
    change_form_template = "admin/reports/topiclist/change_form.html"
    shown: ClassVar = (
        "note", "is_in_use", "used_since", "created_at", "created_by", "would_change", "moves",
        "as_text",
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: TopicList | None = None) -> Any:
        return self.shown if obj else ("note", "text")

    def get_readonly_fields(self, request: HttpRequest, obj: TopicList | None = None) -> Any:
        return self.shown if obj else ()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a list, without buttons for saving."""
        buttons = ("show_save", "show_save_and_continue", "show_save_and_add_another")
        return super().change_view(request, object_id, form_url, dict.fromkeys(buttons, False))

    def has_delete_permission(self, request: HttpRequest, obj: TopicList | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: TopicList, form: Any, change: bool) -> None:
        """Store a new list, and have its preview counted."""
        obj.created_by = cast("User", request.user)
        super().save_model(request, obj, form, change)
        preview_topics.send(obj.pk)

    @admin.display(description=_("topics"))
    def as_text(self, listed: TopicList) -> str:
        return format_html("<pre>{}</pre>", topic_lists.as_text(topics.phrases_of(listed.pk)))

    @admin.display(description=_("would change"))
    def would_change(self, listed: TopicList) -> str:
        counted = listed.preview
        if counted is None:
            return gettext("not counted yet; reload in a moment")
        when = counted["at"][:16].replace("T", " ")
        return gettext("%(changed)s of the newest %(posts)s posts (%(when)s UTC)") % {
            "changed": counted["changed"],
            "posts": counted["posts"],
            "when": when,
        }

    @admin.display(description=_("changes"))
    def moves(self, listed: TopicList) -> str:
        moves = (listed.preview or {}).get("moves", [])
        lines = ((move["from"], move["to"], move["posts"]) for move in moves)
        return format_html_join("", "<p>{} → {}: {}</p>", lines) or "-"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/preview/", view(self.preview_view), name="reports_topiclist_preview"),
            path("<int:pk>/use/", view(self.use_view), name="reports_topiclist_use"),
        ]
        return own + super().get_urls()

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have counted anew how many posts would change."""
        listed = self._list(request, pk)
        with transaction.atomic():
            preview_topics.send_with_options(args=(listed.pk,), unique_key=f"topics {listed.pk}")
        self.message_user(request, _("It is being counted; reload in a moment."), messages.SUCCESS)
        return self._back(pk)

    def use_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Put the list into use; all posts get their topics by it in the background."""
        listed = self._list(request, pk)
        try:
            topic_lists.put_into_use(
                listed.pk, by=cast("User", request.user), send=reassign_topics.send
            )
        except TopicListInUse as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            message = gettext("It is in use; the topics of earlier posts follow in the background.")
            self.message_user(request, message, messages.SUCCESS)
        return self._back(pk)

    def _back(self, pk: int) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:reports_topiclist_change", args=[pk]))

    def _list(self, request: HttpRequest, pk: int) -> TopicList:
        """Return the list, if this request may do something with it."""
        listed = TopicList.objects.filter(pk=pk).first()
        if listed is None:
            raise Http404
        if request.method != "POST" or not self.has_change_permission(request, listed):
            raise PermissionDenied
        return listed
