"""`manage.py tasks`: look at background work and act on it from a shell."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import QuerySet

from jobs.models import Attempt, Queue, Task
from jobs.operations import actions
from jobs.redaction import redact_value
from jobs.states import State
from jobs.worker import retention

FILTERS = ("state", "actor", "queue")
COLUMNS = ("id", "actor", "queue", "state", "attempt", "created_at")
ACTIONS = {
    "retry": actions.retry_now,
    "cancel": actions.cancel,
    "replay": actions.replay,
    "discard": actions.discard,
}
#: The states in which an action changes something.
ACTIONABLE = {
    "retry": [State.QUEUED, State.RETRYING],
    "cancel": [State.QUEUED, State.RETRYING, State.RUNNING],
    "replay": [State.DEAD],
    "discard": [State.DEAD],
}

NUMBER_MAXIMUM = 2**31 - 1


def _number(text: str) -> int:
    """Return a number of rows or of starts, from 1 to what an integer column holds.

    Raises:
        ArgumentTypeError: the text is no such number.
    """
    if (
        not (text.isascii() and text.isdecimal())
        or len(text) > 10
        or not 1 <= int(text) <= NUMBER_MAXIMUM
    ):
        raise ArgumentTypeError(f"{text[:20]!r} is no number from 1 to {NUMBER_MAXIMUM}")
    return int(text)


def _rate(text: str) -> int | None:
    return None if text == "none" else _number(text)


def _require_known(ids: list[UUID]) -> None:
    """Check that every id is that of a task.

    Raises:
        CommandError: one is not; the message names the first.
    """
    known = set(Task.objects.filter(id__in=ids).values_list("id", flat=True))
    for task_id in ids:
        if task_id not in known:
            raise CommandError(f"There is no task {task_id}.")


CHANGES_OF_TASKS = {
    "retry": "Make waiting tasks due now.",
    "cancel": "Cancel waiting tasks, ask running ones to stop.",
    "replay": "Give dead tasks all their attempts again.",
    "discard": "Cancel dead tasks for good.",
}
CHANGES_OF_QUEUES = {
    "pause": "Start no more tasks of a queue.",
    "resume": "Start a queue's tasks again.",
    "rate": "Limit how many tasks of a queue start a minute.",
}


def _add_output(parser: ArgumentParser, *, dry_run: str) -> None:
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--dry-run", action="store_true", help=dry_run)


class Command(BaseCommand):
    """List, show, retry, cancel, replay, discard and prune tasks; pause, resume, limit queues."""

    help = (
        "List and show background tasks; retry, cancel, replay, discard and prune them; "
        "pause, resume and limit queues."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self._add_filters(verbs.add_parser("list", help="List tasks, newest first."), limit=50)
        show = verbs.add_parser("show", help="Show one task with every attempt.")
        show.add_argument("id", type=UUID)
        show.add_argument("--json", action="store_true")
        for verb, text in CHANGES_OF_TASKS.items():
            self._add_choice_of_tasks(verbs.add_parser(verb, help=text))
        for verb, text in CHANGES_OF_QUEUES.items():
            change = verbs.add_parser(verb, help=text)
            change.add_argument("queue", choices=settings.JOBS_QUEUES)
            if verb == "rate":
                change.add_argument("per_minute", type=_rate, help="a number; `none`: no limit")
            _add_output(change, dry_run="only print whether it would change anything")
        prune = verbs.add_parser("prune", help="Delete ended tasks past their retention.")
        _add_output(prune, dry_run="only print how many it would delete")

    def _add_choice_of_tasks(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "ids",
            nargs="*",
            type=UUID,
            help="task ids; without ids the filters choose, with ids they narrow the choice",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only print the ids of the tasks it would change",
        )
        self._add_filters(parser, limit=None)

    def _add_filters(self, parser: ArgumentParser, *, limit: int | None) -> None:
        parser.add_argument("--state", choices=State.values)
        parser.add_argument("--actor")
        parser.add_argument("--queue", choices=settings.JOBS_QUEUES)
        parser.add_argument("--limit", type=_number, default=limit)
        parser.add_argument("--json", action="store_true")

    def handle(self, *_arguments: Any, verb: str, **options: Any) -> None:
        {
            "list": self._list,
            "show": self._show,
            "pause": self._switch,
            "resume": self._switch,
            "prune": self._prune,
            "rate": self._rate,
        }.get(verb, self._act)(verb, options)

    def _filtered(self, options: dict[str, Any]) -> QuerySet[Task]:
        chosen = {name: options[name] for name in FILTERS if options[name]}
        return Task.objects.filter(**chosen).order_by("-id")

    def _list(self, _verb: str, options: dict[str, Any]) -> None:
        rows = list(self._filtered(options).values(*COLUMNS)[: options["limit"]])
        if options["json"]:
            self._print_json(rows)
            return
        for row in rows:
            self.stdout.write("  ".join(str(row[column]) for column in COLUMNS))

    def _show(self, _verb: str, options: dict[str, Any]) -> None:
        try:
            task: dict[str, Any] = dict(Task.objects.values().get(id=options["id"]))
        except Task.DoesNotExist:
            raise CommandError(f"There is no task {options['id']}.") from None
        del task["claim_token"], task["sealed_args"]
        task = redact_value(task)
        attempts = redact_value(
            list(Attempt.objects.filter(task_id=options["id"]).order_by("id").values())
        )
        if options["json"]:
            self._print_json(task | {"attempts": attempts})
            return
        for name, value in task.items():
            self.stdout.write(f"{name:20} {value}")
        for attempt in attempts:
            self.stdout.write(
                f"\nattempt {attempt['number']}: {attempt['error_type']}: {attempt['error']}"
            )
            self.stdout.write(attempt["traceback"])

    def _act(self, verb: str, options: dict[str, Any]) -> None:
        if not options["ids"] and not any(options[name] for name in FILTERS):
            raise CommandError("Name tasks by id, or choose them by --state, --actor or --queue.")
        tasks = self._filtered(options)
        if options["ids"]:
            _require_known(options["ids"])
            tasks = tasks.filter(id__in=options["ids"])
        actionable = tasks.filter(state__in=ACTIONABLE[verb]).values_list("id", flat=True)
        ids = list(actionable[: options["limit"]])
        changed = 0 if options["dry_run"] else ACTIONS[verb](ids, by=None)
        if options["json"]:
            self._print_json(
                {"verb": verb, "dry_run": options["dry_run"], "tasks": ids, "changed": changed}
            )
        elif options["dry_run"]:
            self.stdout.write("\n".join(str(task_id) for task_id in ids))
            self.stdout.write(f"{len(ids)} tasks would be changed.")
        else:
            self.stdout.write(f"{changed} tasks changed.")

    def _switch(self, verb: str, options: dict[str, Any]) -> None:
        queue, is_dry = options["queue"], options["dry_run"]
        is_paused = Queue.objects.filter(name=queue, paused_at__isnull=False).exists()
        would_change = is_paused == (verb == "resume")
        action = actions.pause if verb == "pause" else actions.resume
        is_changed = not is_dry and action(queue, by=None)
        if options["json"]:
            self._print_outcome(verb, options, would_change, is_changed)
        elif is_dry and would_change:
            self.stdout.write(f"{queue}: would be {verb}d.")
        else:
            self.stdout.write(f"{queue}: {verb}d." if is_changed else f"{queue}: unchanged.")

    def _print_outcome(
        self, verb: str, options: dict[str, Any], would_change: bool, is_changed: bool
    ) -> None:
        outcome = {"verb": verb, "queue": options["queue"], "dry_run": options["dry_run"]}
        self._print_json(outcome | {"would_change": would_change, "changed": is_changed})

    def _rate(self, verb: str, options: dict[str, Any]) -> None:
        queue, rate, is_dry = options["queue"], options["per_minute"], options["dry_run"]
        would_change = (
            Queue.objects.filter(name=queue).values_list("rate_per_minute", flat=True).first()
            != rate
        )
        is_changed = not is_dry and actions.set_rate(queue, rate, by=None)
        if options["json"]:
            self._print_outcome(verb, options, would_change, is_changed)
        elif is_dry and would_change:
            self.stdout.write(f"{queue}: rate would be set.")
        else:
            self.stdout.write(f"{queue}: {'rate set' if is_changed else 'unchanged'}.")

    def _prune(self, verb: str, options: dict[str, Any]) -> None:
        count = retention.count_prunable()
        pruned = 0
        while not options["dry_run"]:
            with transaction.atomic():
                batch = retention.prune_tasks()
            pruned += batch
            if not batch:
                break
        if options["json"]:
            self._print_json(
                {"verb": verb, "dry_run": options["dry_run"], "prunable": count, "pruned": pruned}
            )
        else:
            self.stdout.write(f"{count} tasks are past their retention, {pruned} deleted.")

    def _print_json(self, value: object) -> None:
        self.stdout.write(json.dumps(value, default=str, indent=2))
