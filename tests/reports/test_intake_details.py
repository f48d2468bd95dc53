"""What a reporter sends beside the report: answers, contact details, an id of the client's own."""

from __future__ import annotations

import json
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from jobs.models import Task
from jobs.testing import run_tasks
from notifications.channels import mailbox
from notifications.models import Delivery
from reports.catalogue import questions
from reports.following import contacts
from reports.models import Answer, Category, Question, Report, ReportContact, Role, Status
from reports.workflow import transitions
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports/"
Type = Question.Type
VALUES = [{"key": "out", "name": "It is out"}, {"key": "blinks", "name": "It blinks"}]


def ask(category: Category, code: str, kind: Type, **fields: Any) -> Question:
    values = VALUES if kind in {Type.SINGLE, Type.MULTIPLE} else []
    return questions.ask(category, code, {"type": kind, "label": code, "values": values} | fields)


def send(client: APIClient, **body: Any) -> Any:
    return client.post(URL, new_report(category="pothole", **body))


# --- Answers --------------------------------------------------------------------------------------

#: Type → what is taken and how it is kept, and what is refused.
ANSWERS: dict[Type, tuple[list[tuple[Any, Any]], list[Any]]] = {
    Type.STRING: ([(" pole  7 ", "pole 7")], [7, "x" * 201, ["x"], {"a": 1}, True]),
    Type.TEXT: ([("a\nb", "a\nb")], [7, "x" * 2001]),
    Type.NUMBER: ([(4, 4), (0, 0), (-1.5, -1.5)], ["4", True, 1e300, [4]]),
    Type.DATETIME: (
        [("2026-11-29T10:00:00+01:00", "2026-11-29T09:00:00+00:00")],
        ["yesterday", 5],
    ),
    Type.SINGLE: ([("out", "out")], ["dark", ["out"], 1]),
    Type.MULTIPLE: ([(["blinks", "out"], ["out", "blinks"])], ["out", ["dark"], {"out": True}]),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_has_the_type_of_its_question(api: APIClient, kind: Type) -> None:
    ask(make_category(), "q", kind)
    taken, refused = ANSWERS[kind]
    for number, (sent, kept) in enumerate(taken):
        answer = send(api, answers={"q": sent}, latitude=40 + number, description=f"No. {number}")
        assert answer.status_code == 201, answer.json()
        [shown] = answer.json()["answers"]
        assert (shown["code"], shown["version"], shown["value"]) == ("q", 1, kept)
    for sent in refused:
        answer = send(api, answers={"q": sent})
        assert answer.status_code == 400, sent
        assert {one["field"].split(".")[0] for one in answer.json()["errors"]} == {"answers"}
    assert Report.objects.count() == len(taken)


def test_required_unknown_and_homeless_answers_are_named(api: APIClient) -> None:
    category = make_category()
    ask(category, "depth", Type.NUMBER, is_required=True)
    ask(category, "note", Type.STRING)

    def faults(answer: Any) -> dict[str, str]:
        return {one["field"]: one["code"] for one in answer.json()["errors"]}

    assert faults(send(api)) == {"answers.depth": "required"}
    assert faults(send(api, answers={"depth": None, "dept": 3})) == {
        "answers.depth": "required",
        "answers.dept": "unknown",
    }
    homeless = api.post(URL, new_report(answers={"depth": 3}))
    assert homeless.status_code == 400
    assert "name it too" in homeless.json()["errors"][0]["detail"]
    assert send(api, answers={"depth": 0}).status_code == 201


def test_an_answer_keeps_the_question_that_was_asked(api: APIClient, as_user: SignIn) -> None:
    category = make_category()
    ask(category, "lamp", Type.SINGLE)
    reporter = make_user()
    answer = send(as_user(reporter), answers={"lamp": "out"})
    ask(category, "lamp", Type.STRING, label="What is wrong?")
    [shown] = api.get(f"{URL}{answer.json()['id']}/").json()["answers"]
    assert (shown["label"], shown["version"], shown["text"]) == ("lamp", 1, "It is out")


def test_the_desk_shows_the_answers_in_words(client: Any) -> None:
    report = make_report(category=make_category(), accuracy_metres=12)
    Answer.objects.create(
        report=report, question=ask(make_category(), "lamp", Type.SINGLE), value="out"
    )
    client.force_login(make_staff(make_department()), backend="accounts.backends.StaffBackend")
    page = client.get(reverse("admin:reports_report_change", args=[report.pk])).content.decode()
    assert "lamp <strong>It is out</strong>" in page


# --- The client's own id --------------------------------------------------------------------------


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_a_report_that_is_sent_again_is_the_one_that_is_there(
    is_signed_in: bool, api: APIClient, as_user: SignIn
) -> None:
    make_category()
    client, body = as_user(make_user()) if is_signed_in else api, {"client_id": str(uuid4())}
    first, second = send(client, **body), send(client, **body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["tracking_token"] == second.json()["tracking_token"]
    assert Report.objects.count() == 1
    if not is_signed_in:
        token = {"X-Tracking-Token": second.json()["tracking_token"]}
        assert api.get(f"{URL}{first.json()['id']}/", headers=token).json()["is_own"]


def test_the_same_id_of_another_citizen_is_another_report(as_user: SignIn) -> None:
    make_category()
    body = {"client_id": str(uuid4()), "severity": "low"}
    for number in range(2):
        answer = send(as_user(make_user()), **body, latitude=40 + number)
        assert answer.status_code == 201
    assert Report.objects.count() == 2


@pytest.mark.parametrize(
    "guessable",
    [
        "00000000-0000-0000-0000-000000000000",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "6ba7b810-9dad-51d1-80b4-00c04fd430c8",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        0,
        "x",
    ],
)
def test_an_id_that_others_could_guess_is_refused(api: APIClient, guessable: object) -> None:
    make_category()
    answer = send(api, client_id=guessable)
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["errors"]] == ["client_id"]
    assert not Report.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_report_that_is_sent_four_times_at_once_is_stored_once(as_user: SignIn) -> None:
    make_category()
    body, clients = {"client_id": str(uuid4())}, [as_user(make_user())] * 4
    start, statuses = Barrier(4), []

    def go(client: APIClient) -> None:
        start.wait()
        statuses.append(send(client, **body).status_code)
        connection.close()

    threads = [Thread(target=go, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 200, 200, 201]
    assert Report.objects.count() == 1


def test_what_the_device_says_is_for_the_sender_and_staff(api: APIClient, as_user: SignIn) -> None:
    make_category()
    sender = as_user(make_user())
    facts = {"device_at": "2026-11-29T10:00:00Z", "accuracy_metres": 12.5}
    report = send(sender, **facts).json()
    assert {name: report[name] for name in facts} == facts
    public = api.get(f"{URL}{report['id']}/").json()
    assert {name: public[name] for name in facts} == dict.fromkeys(facts)
    for wrong in (-1, "12", 1e9, True):
        assert send(sender, accuracy_metres=wrong).status_code == 400


# --- Contact details ------------------------------------------------------------------------------


CONTACT = {"name": "Ann", "email": "ann@example.org", "phone": "+12025550123"}


def test_an_anonymous_reporter_hears_of_every_step_by_email(api: APIClient) -> None:
    make_category()
    report = Report.objects.get(pk=send(api, contact=CONTACT).json()["id"])
    run_tasks()
    report.refresh_from_db()
    transitions.change_status(report, to=Status.IN_PROGRESS, by=make_staff(make_department()))
    run_tasks()
    sent = [(one["to"], one["subject"]) for one in mailbox.newest(2)]
    assert {to for to, _ in sent} == {"ann@example.org"}
    assert any("in progress" in subject for _, subject in sent)
    assert set(Delivery.objects.values_list("template", "status")) == {
        ("report_received", "sent"),
        ("report_status_changed", "sent"),
    }


def test_contact_details_are_encrypted_and_nowhere_else(api: APIClient) -> None:
    make_category()
    answer = send(api, contact=CONTACT)
    run_tasks()
    stored = bytes(ReportContact.objects.get().sealed)
    elsewhere = [json.dumps([task.args, task.kwargs]) for task in Task.objects.all()] + [
        json.dumps(one.context) + one.contact for one in Delivery.objects.all()
    ]
    for value in CONTACT.values():
        assert value.encode() not in stored
        assert not [text for text in [*elsewhere, answer.content.decode()] if value in text]
    assert contacts.read(UUID(answer.json()["id"])) == contacts.Contact(**CONTACT)


def test_erased_contact_details_get_no_more_messages(api: APIClient) -> None:
    make_category()
    report = Report.objects.get(pk=send(api, contact=CONTACT).json()["id"])
    assert contacts.erase(report.pk, by=None, role=Role.REPORTER)
    run_tasks()
    assert Delivery.objects.get().status == "skipped"
    report.refresh_from_db()
    transitions.change_status(report, to=Status.IN_PROGRESS, by=make_staff(make_department()))
    run_tasks()
    assert Delivery.objects.get().status == "skipped", "of the receipt; there is no other"


def test_a_strangers_address_gets_few_messages(api: APIClient, settings: LazySettings) -> None:
    settings.CONTACT_MESSAGES_PER_DAY = 2
    make_category()
    for number in range(4):
        body = {"latitude": 40 + number, "description": f"No. {number}"}
        contact = CONTACT | {"email": "ANN@example.org" if number % 2 else "ann@example.org"}
        assert send(api, contact=contact, **body).status_code == 201
    run_tasks()
    statuses = sorted(Delivery.objects.values_list("status", flat=True))
    assert statuses == ["sent", "sent", "skipped", "skipped"]


def test_a_number_alone_gets_sms_only_where_the_city_pays(
    api: APIClient, settings: LazySettings
) -> None:
    make_category()
    send(api, contact={"phone": "+1 202 555 0123"})
    run_tasks()
    assert not Delivery.objects.exists()
    settings.CONTACT_SMS_ENABLED = True
    send(api, contact={"phone": "+1 202 555 0123"}, latitude=40)
    run_tasks()
    assert mailbox.newest(1)[0]["to"] == "+12025550123"


@pytest.mark.parametrize(
    "contact",
    [{}, {"name": "Ann"}, {"email": "ann"}, {"phone": "12"}, {"email": 5}, "ann@example.org"],
)
def test_contact_details_that_lead_nowhere_are_refused(api: APIClient, contact: Any) -> None:
    make_category()
    answer = send(api, contact=contact)
    assert answer.status_code == 400
    assert all(one["field"].startswith("contact") for one in answer.json()["errors"])
