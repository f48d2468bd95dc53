"""What operators do with tasks in the admin: with one by a button, with many after a preview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.models import Task
from jobs.operations import actions
from jobs.states import PENDING_STATES, State

CHANGE = "jobs.change_task"
#: How many of the chosen tasks a preview names.
PREVIEWED = 20


@dataclass(frozen=True, slots=True)
class TaskAction:
    """One thing that operators do with tasks in some of the states."""

    name: str
    label: str | Promise
    bulk_label: str | Promise
    states: Sequence[State]
    change: Callable[..., int]
    outcome: str | Promise


ACTIONS = {
    one.name: one
    for one in (
        TaskAction(
            "replay_dead",
            gettext_lazy("Replay"),
            gettext_lazy("Replay dead tasks"),
            (State.DEAD,),
            actions.replay,
            gettext_lazy("replayed"),
        ),
        TaskAction(
            "retry_now",
            gettext_lazy("Retry now"),
            gettext_lazy("Retry now instead of waiting"),
            PENDING_STATES,
            actions.retry_now,
            gettext_lazy("made due now"),
        ),
        TaskAction(
            "cancel_tasks",
            gettext_lazy("Cancel"),
            gettext_lazy("Cancel"),
            (*PENDING_STATES, State.RUNNING),
            actions.cancel,
            gettext_lazy("cancelled or asked to stop"),
        ),
        TaskAction(
            "discard_dead",
            gettext_lazy("Discard"),
            gettext_lazy("Discard dead tasks"),
            (State.DEAD,),
            actions.discard,
            gettext_lazy("discarded"),
        ),
    )
}


def act_on_one(
    model_admin: admin.ModelAdmin[Task], request: HttpRequest, task_id: UUID
) -> HttpResponse:
    """Do the posted `action` with one task and return to its page."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    action = ACTIONS.get(request.POST.get("action", ""))
    if action is not None:
        _perform(model_admin, request, action, [task_id])
    return HttpResponseRedirect(reverse("admin:jobs_task_change", args=(task_id,)))


def bulk_actions() -> dict[str, tuple[Callable[..., Any], str, str | Promise]]:
    """Return the actions of the list, as Django's admin describes them."""
    return {
        name: (partial(_act_on_many, action=action), name, action.bulk_label)
        for name, action in ACTIONS.items()
    }


def _act_on_many(
    model_admin: admin.ModelAdmin[Task],
    request: HttpRequest,
    tasks: QuerySet[Task],
    *,
    action: TaskAction,
) -> HttpResponse | None:
    """Show what the action would change; once confirmed, do it."""
    if "confirmed" in request.POST:
        chosen: list[UUID] = list(tasks.values_list("pk", flat=True))
        _perform(model_admin, request, action, chosen)
        return None
    context = model_admin.admin_site.each_context(request) | _preview(action, tasks) | {
        "title": action.bulk_label,
        "opts": model_admin.opts,
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "checkbox": ACTION_CHECKBOX_NAME,
    }  # fmt: skip
    return TemplateResponse(request, "admin/jobs/task/preview.html", context)


def _preview(action: TaskAction, tasks: QuerySet[Task]) -> dict[str, Any]:
    facts = list(tasks.values_list("actor", "state", "pk"))
    fitting = [(actor, pk) for actor, state, pk in facts if state in action.states]
    return {
        "action": action,
        "count": len(fitting),
        "left": dict(
            Counter(State(state).label for _a, state, _pk in facts if state not in action.states)
        ),
        "actors": Counter(actor for actor, _pk in fitting).most_common(),
        "tasks": fitting[:PREVIEWED],
        "more": max(len(fitting) - PREVIEWED, 0),
    }


def _perform(
    model_admin: admin.ModelAdmin[Task],
    request: HttpRequest,
    action: TaskAction,
    chosen: list[UUID],
) -> None:
    count = action.change(chosen, by=request.user.pk)
    level = messages.SUCCESS if count else messages.WARNING
    facts = {"count": count, "outcome": action.outcome}
    model_admin.message_user(request, _("%(count)s tasks %(outcome)s.") % facts, level)
    if left := len(chosen) - count:
        line = _("%s were in a state that does not allow it.") % left
        model_admin.message_user(request, line, messages.WARNING)
