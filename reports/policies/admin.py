"""The desk's pages of policies: the versions in force, and the searches for better ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from jobs.api import starting
from jobs.errors import JobRefused
from jobs.execution import job_types
from jobs.models import JobResult, Task
from jobs.states import TERMINAL_STATES
from reports.errors import ReportsError
from reports.models import Department, Policy, PolicyStudy
from reports.models.policies import POLICY_NOTE_MAX_CHARACTERS
from reports.policies import applying, wording
from reports.policies.access import decides_somewhere, may_decide, shared_results
from reports.policies.rules import Rules
from reports.policies.serializers import SEED_MAXIMUM, DiscoveryPayloadSerializer

#: What people call the policies with which a search compares the best one.
COMPARED_WITH = {
    "in_force": _("the policy in force"),
    "by_arrival": _("in the order of arrival"),
    "by_deadline": _("by deadline"),
}


class NoteForm(forms.Form):
    """Why a policy is applied or taken back, and which version was in force then."""

    note = forms.CharField(max_length=POLICY_NOTE_MAX_CHARACTERS, required=False, label=_("Why"))
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    trial = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)


class SearchForm(forms.Form):
    """A search to start, with what is most often chosen."""

    department = forms.ModelChoiceField(
        queryset=Department.objects.none(),
        required=False,
        help_text=_("With the departments below it. Empty: the whole city, for superusers."),
    )
    objective = forms.ChoiceField(
        choices=[
            ("hours", _("Hours until a report is done")),
            ("lateness", _("Hours after the deadline")),
        ],
        help_text=_("What is made small, weighted by severity."),
    )
    trials = forms.IntegerField(
        min_value=4, max_value=500, initial=40, help_text=_("How many policies are tried.")
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=SEED_MAXIMUM,
        initial=1,
        help_text=_("The same seed finds the same policy."),
    )
    moves_crews = forms.BooleanField(
        required=False, label=_("Also advise about crews"), help_text=_("Where crews should work.")
    )

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = cast("forms.ModelChoiceField[Department]", self.fields["department"])
        everything = Department.objects.all()
        field.queryset = everything if user.is_superuser else Department.objects.managed_by(user)
        field.required = not user.is_superuser

    def payload(self) -> dict[str, Any]:
        """Return the payload of the job, once the form is valid."""
        chosen = dict(self.cleaned_data)
        department = chosen.pop("department")
        return chosen | ({"department": department.slug} if department else {})


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin[Policy]):
    """The versions of policies: what each says, and which is in force."""

    list_display = ("whose", "version", "is_in_force", "says", "note", "applied_by", "applied_at")
    list_display_links = ("whose", "version")
    list_select_related = ("department", "applied_by", "reverts")
    fields = (
        "whose",
        "version",
        "is_in_force",
        "says",
        "note",
        "reverts",
        "result",
        "trial",
        "applied_by",
        "applied_at",
    )
    readonly_fields = fields
    change_form_template = "admin/reports/policy/version.html"

    @admin.display(description=_("for"))
    def whose(self, policy: Policy) -> str:
        return str(policy.department or gettext("the whole city"))

    @admin.display(description=_("in force"), boolean=True)
    def is_in_force(self, policy: Policy) -> bool:
        return bool(getattr(policy, "is_newest", False))

    @admin.display(description=_("what it says"))
    def says(self, policy: Policy) -> str:
        return in_words(policy.rules)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        user = request.user
        return isinstance(user, User) and user.is_active and user.is_staff

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        return Policy.objects.readable_by(cast("User", request.user)).with_force()

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.revert_view)
        return [path("<int:pk>/revert/", view, name="reports_policy_revert"), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        policy = self.get_object(request, object_id)
        may = policy is not None and may_decide(cast("User", request.user), policy.department)
        is_newest = policy is not None and self.is_in_force(policy)
        context = {"may_revert": may and is_newest, **(extra_context or {})}
        if policy is not None:
            context["note_form"] = NoteForm(initial={"seen": policy.version})
        return super().change_view(request, object_id, form_url, context)

    def revert_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take back a version that is in force."""
        policy = self.get_object(request, str(pk))
        user = cast("User", request.user)
        if policy is None or not may_decide(user, policy.department):
            raise PermissionDenied

        def revert(sent: dict[str, Any]) -> str:
            applying.revert(policy.department, by=user, note=sent["note"], seen=sent["seen"])
            text = gettext("Version %s was taken back; the queue is put in order.")
            return text % policy.version

        return _carry_out(self, request, revert)


@admin.register(PolicyStudy)
class PolicyStudyAdmin(ReadOnlyAdmin[PolicyStudy]):
    """The searches for better policies: starting one, its trials, applying one of them."""

    list_display = ("asked_at", "whose", "state", "tried", "gain")
    fields = readonly_fields = list_display
    ordering = ("-pk",)
    list_select_related = ("result",)

    @admin.display(description=_("asked for"))
    def asked_at(self, study: PolicyStudy) -> datetime:
        return study.result.created_at

    @admin.display(description=_("for"))
    def whose(self, study: PolicyStudy) -> str:
        return str(study.result.inputs.get("department") or gettext("the whole city"))

    @admin.display(description=_("state"))
    def state(self, study: PolicyStudy) -> str:
        if not study.result.is_partial:
            return gettext("ended")
        runs = Task.objects.filter(pk=study.pk).exclude(state__in=TERMINAL_STATES).exists()
        return gettext("running") if runs else gettext("stopped; the best so far is kept")

    @admin.display(description=_("trials"))
    def tried(self, study: PolicyStudy) -> str:
        words = {"done": study.result.result.get("trials", 0), "all": study.result.inputs["trials"]}
        return gettext("%(done)s of %(all)s") % words

    @admin.display(description=_("best policy against that in force"))
    def gain(self, study: PolicyStudy) -> str:
        """Return the difference in the hold-out period, with its interval."""
        compared = study.result.result.get("compared") or []
        if not compared:
            return "-"
        gap = compared[0]["difference"]
        return str(gettext("%(mean)+.1f h (from %(low)+.1f to %(high)+.1f)") % gap)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return decides_somewhere(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return decides_somewhere(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyStudy]:
        user = cast("User", request.user)
        studies = PolicyStudy.objects.defer("history").order_by("-pk")
        if user.is_superuser:
            return studies
        readable = JobResult.objects.filter(shared_results(user) | Q(created_by=user.pk))
        return studies.filter(result__in=readable)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.apply_view)
        name = "reports_policystudy_apply"
        return [path("<uuid:pk>/apply/", view, name=name), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Start a search."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = cast("User", request.user)
        form = SearchForm(user, request.POST or None)
        if request.method == "POST" and form.is_valid() and self._start(request, form, user):
            return HttpResponseRedirect(reverse("admin:reports_policystudy_changelist"))
        context = self._context(request, gettext("Search for a better policy")) | {"form": form}
        return TemplateResponse(request, "admin/reports/policystudy/search.html", context)

    def _start(self, request: HttpRequest, form: SearchForm, user: User) -> bool:
        """Start the job; return whether it was started."""
        job_type = job_types.find("discovery")
        assert job_type is not None  # noqa: S101 - `actors` declares it
        payload = DiscoveryPayloadSerializer(data=form.payload(), context={"request": request})
        if not payload.is_valid():
            form.add_error(None, "; ".join(str(error) for error in payload.errors.values()))
            return False
        try:
            starting.start(job_type, dict(payload.data), by=user.pk)
        except JobRefused as error:
            form.add_error(None, str(error))
            return False
        text = gettext("The search was started; it shows here once it has read the history.")
        self.message_user(request, text, messages.SUCCESS)
        return True

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a search with its trials."""
        study = self.get_object(request, object_id)
        if study is None or not self.has_view_permission(request, study):
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        context = self._context(
            request, gettext("Search of %s") % f"{study.result.created_at:%Y-%m-%d %H:%M}"
        )
        context |= self._shown(request, study)
        return TemplateResponse(request, "admin/reports/policystudy/study.html", context)

    def _shown(self, request: HttpRequest, study: PolicyStudy) -> dict[str, Any]:
        best = study.result.result.get("best") or {}
        try:
            department = applying.department_of(study.result)
            whose = department or gettext("the whole city")
            may = may_decide(cast("User", request.user), department)
            policy = Policy.objects.of(department).first()
        except ReportsError:
            whose, may, policy = self.whose(study), False, None
        return {
            "study": study,
            "state": self.state(study),
            "tried": self.tried(study),
            "whose": whose,
            "found": study.result.result,
            "compared": _compared(study),
            "best_trial": best.get("trial"),
            "in_force": in_words(study.result.inputs["in_force"]),
            "trials": [(trial, in_words(trial.rules)) for trial in study.trials.all()],
            "may_apply": may,
            "note_form": NoteForm(initial={"seen": policy.version if policy else 0}),
        }

    def apply_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Apply a trial of a search."""
        study, user = self.get_object(request, str(pk)), cast("User", request.user)
        if study is None or not may_decide(user, applying.department_of(study.result)):
            raise PermissionDenied

        def apply(sent: dict[str, Any]) -> str:
            policy = applying.apply_trial(
                study.result, sent["trial"], by=user, note=sent["note"], seen=sent["seen"]
            )
            return gettext("Applied as %s; the queue is put in order.") % policy

        return _carry_out(self, request, apply)

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        shown = {"title": title, "opts": self.opts, "media": self.media}
        return {**self.admin_site.each_context(request), **shown}


def _compared(study: PolicyStudy) -> list[dict[str, Any]]:
    """Return the policies with which the best one is compared, each with the name people read."""
    return [
        one | {"name": COMPARED_WITH.get(one["policy"], one["policy"])}
        for one in study.result.result.get("compared", [])
    ]


def _carry_out(
    page: ReadOnlyAdmin[Any], request: HttpRequest, decide: Callable[[dict[str, Any]], str]
) -> HttpResponse:
    """Carry out a decision if its form is valid, and show what came of it on the list of policies.

    `decide` gets what was sent, and returns what to say to the person.
    """
    form = NoteForm(request.POST)
    if request.method == "POST" and form.is_valid():
        try:
            page.message_user(request, decide(form.cleaned_data), messages.SUCCESS)
        except ReportsError as error:
            page.message_user(request, str(error), messages.ERROR)
    return HttpResponseRedirect(reverse("admin:reports_policy_changelist"))


def in_words(rules: dict[str, Any]) -> str:
    """Return what stored rules say, one sentence on each line."""
    lines = [(sentence,) for sentence in wording.sentences(Rules.from_json(rules))]
    return format_html_join(mark_safe("<br>"), "{}", lines)
