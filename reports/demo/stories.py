"""Reports of today and what becomes of them, carried out as the API and the desk do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction

from accounts.models import User
from jobs.ledger import database
from reports.confirmation import answering
from reports.confirmation.answering import Answer
from reports.conversation import commenting, replying
from reports.demo import texts
from reports.demo.city import City
from reports.duplicates import merging, suggesting
from reports.following import areas, follows
from reports.following.areas import Circle
from reports.following.contacts import Contact
from reports.intake import answers, correcting, submission
from reports.models import (
    Area,
    Comment,
    ConfirmedBy,
    ModerationCase,
    ReplyTemplate,
    Report,
    SubjectKind,
)
from reports.moderation import cases, flags
from reports.routing import assignment
from reports.steps import taking
from reports.steps.taking import Step
from reports.workflow.performing import Inputs
from reports.workflow.roles import roles_in
from reports.workflow.table import REPORTER

Facts = Mapping[str, Any]


def load(city: City) -> int:
    """Act out the stories that are not there yet; return how many reports are new."""
    new = sum(_act(story, city) for story in texts.read("stories"))
    _subscribe(city)
    return new


def report_of(name: str) -> Report:
    """Return the report of a story as it is stored. Raises Report.DoesNotExist."""
    return Report.objects.with_related().get(client_id=_client_id(name))


def _client_id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"elm-harbor:{name}")


@transaction.atomic
def _act(story: Facts, city: City) -> bool:
    """Submit the report of a story and carry out its events, unless it is there already."""
    reporter = city.people.citizens[story["by"]] if "by" in story else None
    submitted = submission.submit_report(_new_report(story, city), reporter=reporter)
    if submitted.is_repeated:
        return False
    if "category" in story:  # as its task will do, which then changes nothing
        assignment.route(str(submitted.report.pk))
        suggesting.suggest(str(submitted.report.pk))
    for event in story.get("events", ()):
        [(name, facts)] = event.items()
        EVENTS[name](report_of(story["name"]), facts, city)
    return True


def _new_report(story: Facts, city: City) -> submission.NewReport:
    category = city.categories[story["category"]] if "category" in story else None
    latitude, longitude = story["at"]
    return submission.NewReport(
        title=story["title"],
        description=story["description"],
        latitude=latitude,
        longitude=longitude,
        address=story["address"],
        category=category,
        answers=answers.check(category, story.get("answers", {})),
        contact=Contact(**story["contact"]) if "contact" in story else None,
        client_id=_client_id(story["name"]),
    )


# --- What citizens do ---------------------------------------------------------------------------


def _me_too(report: Report, facts: Facts, city: City) -> None:
    follows.add_me_too(report, city.people.citizens[facts["by"]])


def _follow(report: Report, facts: Facts, city: City) -> None:
    follows.follow(report, city.people.citizens[facts["by"]])


def _comment(report: Report, facts: Facts, city: City) -> None:
    commenting.comment(report, facts["text"], author=city.people.citizens[facts["by"]])


def _correct(report: Report, facts: Facts, _city: City) -> None:
    correcting.correct(report, facts, by=report.reporter)


def _neighbour(report: Report, facts: Facts, city: City) -> None:
    resolution = answering.resolution_of(report)
    assert resolution is not None  # noqa: S101 - the story has resolved it
    by, is_fixed = city.people.citizens[facts["by"]], facts["is_fixed"]
    given = Answer(is_fixed=is_fixed, source=ConfirmedBy.NEIGHBOUR, by=by)
    answering.answer(resolution, given)


def _flag(report: Report, facts: Facts, city: City) -> None:
    _flag_subject(report, SubjectKind.REPORT, report.pk, facts, city)


def _flag_comment(report: Report, facts: Facts, city: City) -> None:
    _flag_subject(report, SubjectKind.COMMENT, _first_comment(report).pk, facts, city)


def _flag_subject(report: Report, kind: str, subject_id: UUID, facts: Facts, city: City) -> None:
    flags.flag(
        report,
        kind,
        subject_id,
        by=city.people.citizens[facts["by"]],
        host="",
        reason=facts["reason"],
        note=facts["note"],
    )


def _first_comment(report: Report) -> Comment:
    return Comment.objects.filter(report=report).earliest("created_at")


# --- What staff do ------------------------------------------------------------------------------


def _note(report: Report, facts: Facts, city: City) -> None:
    commenting.note(report, facts["text"], author=city.desk_of(report.department))


def _reply(report: Report, facts: Facts, city: City) -> None:
    template = ReplyTemplate.objects.get(name=facts["template"])
    text = replying.preview(template, report).text
    replying.reply(report, text, by=city.desk_of(report.department))


def _step(report: Report, facts: Facts, city: City) -> None:
    """Take a step, as staff or `by` its reporter."""
    is_reporter = facts.get("by") == "reporter"
    by = report.reporter if is_reporter else city.desk_of(report.department)
    roles = REPORTER if is_reporter or by is None else roles_in(report, by)
    step = Step(by=by, name=facts["name"], inputs=_inputs(report, facts, city))
    taking.take(report, step, roles=roles)


def _inputs(report: Report, facts: Facts, city: City) -> Inputs:
    assignee: Any = None
    if "crew" in facts and report.department:
        assignee = city.crews[report.department.slug][facts["crew"]]
    elif "person" in facts:
        assignee = city.desk_of(report.department)
    return Inputs(
        note=facts.get("note", ""),
        reason=facts.get("reason", ""),
        waiting_for=facts.get("waiting_for", ""),
        until=database.now() + timedelta(days=facts["days"]) if "days" in facts else None,
        assignee=assignee,
        department=city.departments[facts["department"]] if "department" in facts else None,
    )


def _merge(report: Report, facts: Facts, city: City) -> None:
    merging.merge(report, into=report_of(facts["into"]), by=city.desk_of(report.department))


def _undo_merge(report: Report, facts: Facts, city: City) -> None:
    merging.undo(report, report_of(facts["from"]), by=city.desk_of(report.department))


def _not_the_same(report: Report, facts: Facts, city: City) -> None:
    merging.refuse(report, report_of(facts["as"]), by=city.desk_of(report.department))


def _approve(report: Report, _facts: Facts, city: City) -> None:
    case = ModerationCase.objects.waiting().get(report=report, kind=SubjectKind.REPORT)
    cases.approve(case, by=city.people.administrator)


def _reject(report: Report, facts: Facts, city: City) -> None:
    case = ModerationCase.objects.waiting().get(report=report, kind=SubjectKind.REPORT)
    cases.reject(case, by=city.people.administrator, **facts)


def _hide_comment(report: Report, facts: Facts, city: City) -> None:
    by: User = city.desk_of(report.department)
    commenting.hide(_first_comment(report), by=by, **facts)


EVENTS: dict[str, Callable[[Report, Facts, City], None]] = {
    "me_too": _me_too,
    "follow": _follow,
    "comment": _comment,
    "correct": _correct,
    "neighbour": _neighbour,
    "flag": _flag,
    "flag_comment": _flag_comment,
    "note": _note,
    "reply": _reply,
    "step": _step,
    "merge": _merge,
    "undo_merge": _undo_merge,
    "not_the_same": _not_the_same,
    "approve": _approve,
    "reject": _reject,
    "hide_comment": _hide_comment,
}


# --- Subscriptions ------------------------------------------------------------------------------


def _subscribe(city: City) -> None:
    """Subscribe citizens to areas, each once."""
    for facts in texts.read("city")["subscriptions"]:
        user = city.people.citizens[facts["by"]]
        if user.area_subscriptions.filter(name=facts["name"]).exists():
            continue
        areas.subscribe(
            user,
            name=facts["name"],
            area=_shape(facts),
            categories=facts.get("categories", []),
            delivery=facts["delivery"],
        )


def _shape(facts: Facts) -> Circle | dict[str, Any]:
    if "area" in facts:
        polygons: dict[str, Any] = Area.objects.get(name=facts["area"]).polygons
        return polygons
    return Circle(
        latitude=facts["latitude"],
        longitude=facts["longitude"],
        radius_metres=facts["radius_metres"],
    )
