"""The places of operations, each with its state in one line; every count is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from django.contrib.admin import site
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.timesince import timesince
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import AuditEvent, DeskSession
from jobs.admin.estimating import count_up_to
from jobs.models import AlertEpisode, Breaker, Dashboard, ScheduleTick, Task, Worker
from jobs.operations import alerts, overview
from jobs.templatetags.figures import at_least, duration
from jobs.worker import schedule_runs
from matching.models import VectorSpace
from notifications.models import Delivery
from reports.models import Source
from reports.models.collection import Health

#: Counts of rows stop here; a count of this size reads "1,000+".
COUNT_LIMIT = 1_000
DUE_TOO_LONG_SECONDS = 60

Tone = Literal["good", "warn", "bad", "quiet"]
#: The words of the tones, so that no colour has to be seen.
TONES = {
    "good": gettext_lazy("In order"),
    "warn": gettext_lazy("Look at it"),
    "bad": gettext_lazy("Broken"),
    "quiet": gettext_lazy("Quiet"),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """How a place stands, in one line; the tone is shown as a word and a colour."""

    tone: Tone
    line: str

    @property
    def word(self) -> str:
        """Return the tone in a word."""
        return str(TONES[self.tone])


@dataclass(frozen=True, slots=True)
class Place:
    """A page of operations: the model whose list it is, and what reads its condition."""

    title: str
    about: str
    model: type[Model]
    read: Callable[[], Condition]

    @property
    def url(self) -> str:
        """Return the address of the place's page."""
        options = self.model._meta  # noqa: SLF001 - documented
        return reverse(f"admin:{options.app_label}_{options.model_name}_changelist")


@dataclass(frozen=True, slots=True)
class Card:
    """A place with its condition, as the page shows it."""

    place: Place
    condition: Condition


def cards(request: HttpRequest) -> Iterator[Card]:
    """Return the places that this member of staff may open, each with its condition."""
    for place in places():
        if site.get_model_admin(place.model).has_view_permission(request):
            yield Card(place, place.read())


def places() -> list[Place]:
    """Return all places of operations, in the order of the page."""
    queues = SimpleLazyObject(overview.queues)
    return [
        Place(
            _("Dashboard"),
            _("Queues, waiting and running times, failures"),
            Dashboard,
            lambda: _work(queues),  # type: ignore[arg-type]
        ),
        Place(_("Tasks"), _("Find, replay, cancel, edit"), Task, _tasks),
        Place(_("Schedule"), _("What runs by the clock, and run now"), ScheduleTick, _schedule),
        Place(_("Workers"), _("Processes and their heartbeats"), Worker, _workers),
        Place(_("Alerts"), _("Rules that are broken, and were"), AlertEpisode, _alerts),
        Place(_("Outside services"), _("Circuit breakers"), Breaker, _breakers),
        Place(_("Deliveries"), _("Messages by email and SMS"), Delivery, _deliveries),
        Place(_("Sources"), _("Where posts are collected"), Source, _sources),
        Place(_("Vector indexes"), _("Embedding models and rebuilds"), VectorSpace, _spaces),
        Place(_("Audit log"), _("Who did what, and when"), AuditEvent, _audit),
        Place(_("Sessions"), _("Who is signed in at the desk"), DeskSession, _sessions),
    ]


def _work(queues: list[overview.QueueState]) -> Condition:
    due = sum(queue.due for queue in queues)
    oldest = max((queue.oldest_seconds for queue in queues), default=0)
    paused = [queue.name for queue in queues if queue.paused_at]
    if paused:
        return Condition("warn", _("Paused: %s") % ", ".join(paused))
    if not due:
        return Condition("good", _("Nothing is due"))
    facts = {"due": at_least(due, overview.COUNT_LIMIT), "oldest": duration(oldest)}
    tone: Tone = "bad" if oldest > DUE_TOO_LONG_SECONDS else "good"
    return Condition(tone, _("%(due)s due, the oldest for %(oldest)s") % facts)


def _tasks() -> Condition:
    dead = overview.dead_count()
    count = at_least(dead, overview.COUNT_LIMIT)
    line = ngettext("%s dead letter", "%s dead letters", dead) % count
    return Condition("warn" if dead else "good", line if dead else _("No dead letters"))


def _schedule() -> Condition:
    lines = schedule_runs.overview()
    faulty = [line.entry.name for line in lines if line.fault]
    failed = [line.entry.name for line in lines if line.last and line.last.state == "dead"]
    if faulty:
        return Condition("bad", _("Never runs: %s") % _some(faulty))
    if failed:
        return Condition("warn", _("The last run failed: %s") % _some(failed))
    upcoming = min((line for line in lines if line.next_due_at), key=_due, default=None)
    if upcoming is None:
        return Condition("quiet", _("The schedule is empty"))
    facts = {"count": len(lines), "name": upcoming.entry.name}
    return Condition("good", _("%(count)s entries, next: %(name)s") % facts)


def _due(line: schedule_runs.Line) -> float:
    return line.next_due_at.timestamp() if line.next_due_at else 0


def _workers() -> Condition:
    workers = overview.workers()
    silent = [worker for worker in workers if not worker.is_alive]
    alive = len(workers) - len(silent)
    if not alive:
        return Condition("bad", _("No worker is alive"))
    line = ngettext("%s alive", "%s alive", alive) % alive
    if silent:
        return Condition("warn", _("%(alive)s, silent: %(silent)s") % {
            "alive": line, "silent": len(silent)
        })  # fmt: skip
    return Condition("good", line)


def _alerts() -> Condition:
    broken = list(AlertEpisode.objects.filter(ended_at=None)[:20])
    if broken:
        return Condition("bad", _some([alerts.sentence(episode) for episode in broken]))
    return Condition("good", _("Every rule is kept"))


def _breakers() -> Condition:
    broken = list(Breaker.objects.exclude(opened_at=None).values_list("name", flat=True)[:20])
    if broken:
        return Condition("bad", _("Not called at present: %s") % _some(broken))
    return Condition("good", _("All are called"))


def _deliveries() -> Condition:
    opened = Delivery.objects.filter(status__in=("queued", "failed"))
    failed = count_up_to(
        COUNT_LIMIT,
        opened.filter(status="failed", created_at__gt=now() - timedelta(days=1)).values("pk"),
    )
    if failed:
        return Condition("warn", _("%s failed in a day") % at_least(failed, COUNT_LIMIT))
    return Condition("good", _("None failed in a day"))


def _sources() -> Condition:
    health = Counter(source.health for source in Source.objects.defer("options", "cursor")[:500])
    ill = health[Health.BROKEN] + health[Health.FAILING]
    facts = {"ill": ill, "all": sum(health.values())}
    if ill:
        return Condition("warn", _("%(ill)s of %(all)s do not answer") % facts)
    if not health:
        return Condition("quiet", _("None is set up"))
    return Condition("good", _("All %(all)s answer") % facts)


def _spaces() -> Condition:
    states = dict(VectorSpace.objects.order_by("-state").values_list("state", "label")[:50])
    if "stopped" in states:
        return Condition("warn", _("A rebuild was stopped: %s") % states["stopped"])
    if "building" in states:
        return Condition("quiet", _("Being filled: %s") % states["building"])
    if "active" in states:
        return Condition("good", _("Active: %s") % states["active"])
    return Condition("quiet", _("None is built"))


def _audit() -> Condition:
    newest = AuditEvent.objects.order_by("-id").first()
    if newest is None:
        return Condition("quiet", _("Nothing is recorded"))
    facts = {"event": newest.event, "ago": timesince(newest.created_at)}
    return Condition("good", _("Last: %(event)s, %(ago)s ago") % facts)


def _sessions() -> Condition:
    count = count_up_to(COUNT_LIMIT, DeskSession.objects.live().order_by().values("pk"))
    shown = at_least(count, COUNT_LIMIT)
    return Condition("good", ngettext("%s signed in", "%s signed in", count) % shown)


def _some(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - 3
    return ", ".join(map(str, names[:3])) + (_(" and %s more") % more if more > 0 else "")
