"""Each entrance says who sends and how urgent it is; what is sent inside, and by that, has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import sessions
from accounts.models import User
from accounts.origins import Origin
from config.schedule import SCHEDULE
from jobs import entering
from jobs.models import ScheduleTick, Task
from jobs.testing import run_tasks
from jobs.transport.relay import take
from jobs.urgency import Urgency
from jobs.worker import schedule
from matching.actors import send_refresh
from matching.partners import keys as partners
from notifications.actors import notify_user
from tests.jobs import job_types  # noqa: F401 - registers its types
from tests.matching.factories import make_opportunity, make_profile
from tests.reports.factories import make_category, make_user

pytestmark = pytest.mark.django_db

REPORT = {"description": "Deep.", "latitude": 41.3, "longitude": -72.9}


def signed_in(user: User) -> APIClient:
    """A client with the user's own access token, as a phone has it."""
    with transaction.atomic():
        access = sessions.begin(user, Origin("127.0.0.1"))[1].access
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def report(client: APIClient, title: str = "Hole", **extra: Any) -> None:
    new = REPORT | {"title": title, "category": make_category().slug}
    answer = client.post("/api/v1/reports/", new, **extra)
    assert answer.status_code == 201, answer.content


def sent() -> set[tuple[int, UUID | None]]:
    return set(Task.objects.values_list("urgency", "created_by"))


def urgencies(**filters: Any) -> set[int]:
    return set(Task.objects.filter(**filters).values_list("urgency", flat=True))


def test_a_signed_in_person_is_waiting_and_the_sender_of_everything_that_follows() -> None:
    citizen = make_user(email="a@example.org", email_verified_at=timezone.now())
    report(signed_in(citizen))
    assert {task.actor for task in Task.objects.all()} == {"route_report", "deliver_notification"}
    run_tasks()
    assert sent() == {(Urgency.PERSON, citizen.pk)}


def test_a_task_that_a_task_sends_has_its_urgency_and_its_sender() -> None:
    citizen = make_user(email="a@example.org", email_verified_at=timezone.now())
    with entering(Urgency.PERSON, sender=citizen.pk), transaction.atomic():
        notify_user.send(str(citizen.pk), "report_received", {"title": "Hole"}, "once")
    run_tasks()
    assert Task.objects.filter(actor="deliver_notification").exists(), "a task that a task sent"
    assert sent() == {(Urgency.PERSON, citizen.pk)}


def test_people_who_are_not_signed_in_are_told_apart_by_their_address() -> None:
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"):
        report(APIClient(), REMOTE_ADDR=address)
    assert urgencies() == {Urgency.PERSON}
    senders = {created_by for _, created_by in sent()}
    assert len(senders) == 3, "one for each subscriber"
    assert None not in senders


def test_a_code_is_a_persons() -> None:
    answer = APIClient().post("/api/v1/auth/request-otp/", {"phone": "+12035550100"})
    assert answer.status_code == 202, answer.content
    assert urgencies(actor="send_otp") == {Urgency.PERSON}


def test_a_job_started_through_the_api_is_a_persons() -> None:
    citizen = make_user()
    payload = {"numbers": [1, 2]}
    answer = signed_in(citizen).post("/api/v1/jobs/", {"job_type": "tests.sum", "payload": payload})
    assert answer.status_code == 202, answer.content
    assert sent() == {(Urgency.PERSON, citizen.pk)}


def test_a_job_whose_type_says_so_is_bulk_work_of_who_started_it() -> None:
    citizen = make_user()
    answer = signed_in(citizen).post("/api/v1/jobs/", {"job_type": "tests.bulk", "payload": {}})
    assert answer.status_code == 202, answer.content
    assert sent() == {(Urgency.BULK, citizen.pk)}


def test_staff_at_the_desk_is_a_person() -> None:
    operator = User.objects.create_superuser("+12035559999")
    client = Client()
    client.force_login(operator, backend="accounts.backends.StaffBackend")
    opportunity = make_opportunity()
    url = f"/admin/matching/opportunity/{opportunity.pk}/change/"
    form = client.get(url).context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    values = {name: value for name, value in values.items() if value is not None}
    answer = client.post(url, values | {"title": "Another title"})
    assert answer.status_code == 302, answer.content
    assert (Urgency.PERSON, operator.pk) in sent()


def test_a_partner_is_no_person_and_takes_turns_with_others() -> None:
    partner = partners.partner_named("Green City")
    client = APIClient()
    client.credentials(HTTP_X_API_KEY=partners.create_key(partner))
    new = {"kind": "event", "title": "Open day", "description": "Come and see."}
    answer = client.post("/api/v1/partner/opportunities/", new)
    assert answer.status_code == 201, answer.content
    assert sent() == {(Urgency.ROUTINE, partner.pk)}


def test_whoever_changes_an_opportunity_telling_the_citizens_it_suits_is_bulk_work() -> None:
    make_profile(wants_match_notices=True)
    Task.objects.all().delete()
    test_a_partner_is_no_person_and_takes_turns_with_others()
    run_tasks()
    assert urgencies(actor="match_citizens") == {Urgency.BULK}
    assert urgencies(actor="embed_opportunities") == {Urgency.ROUTINE}


def test_an_import_of_reports_is_bulk_work_and_each_source_is_a_sender(tmp_path: Path) -> None:
    path = tmp_path / "reports.csv"
    path.write_text("title,description,latitude,longitude\nHole,Deep,41.3,-72.9\n")
    for source in ("oldtown", "newtown"):
        call_command(
            "import_reports",
            str(path),
            "--ids-from-rows",
            "--source",
            source,
            "--rejects",
            str(tmp_path / "rejects"),
        )
    assert urgencies() == {Urgency.BULK}
    assert len({created_by for _, created_by in sent()} - {None}) == 2


def test_an_import_of_opportunities_is_bulk_work_to_the_last_notice(tmp_path: Path) -> None:
    make_profile(wants_match_notices=True)
    Task.objects.all().delete()
    path = tmp_path / "opportunities.jsonl"
    rows = [
        {
            "external_id": str(number),
            "kind": "volunteering",
            "title": "Build",
            "description": "Carpentry",
        }
        for number in range(3)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    call_command("import_opportunities", str(path), "--rejects", str(tmp_path / "rejects"))
    run_tasks()
    assert Task.objects.filter(actor="match_citizens").exists()
    assert urgencies() == {Urgency.BULK}
    assert len({created_by for _, created_by in sent()}) == 1


def test_a_rebuild_is_bulk_work() -> None:
    call_command("rebuild_embeddings")
    assert urgencies() == {Urgency.BULK}


def test_the_schedule_says_which_of_its_entries_are_bulk_work() -> None:
    ScheduleTick.objects.bulk_create(
        ScheduleTick(name=entry.name, due_at="2020-01-01T00:00:00Z") for entry in SCHEDULE
    )
    assert schedule.tick() > 0
    for entry in SCHEDULE:
        expected = Urgency.BULK if entry.is_bulk else Urgency.ROUTINE
        assert urgencies(actor=entry.actor) <= {expected}, entry.name
    assert {entry.name for entry in SCHEDULE if entry.is_bulk} >= {
        "refresh-all-matches",
        "prune-tasks",
    }


def test_a_flood_of_one_citizen_does_not_keep_another_waiting(settings: LazySettings) -> None:
    settings.REPORTS_PER_CITIZEN_HOUR = settings.REPORTS_PER_CITIZEN_PLACE_DAY = 100
    settings.DUPLICATE_CHECK_ENABLED = False
    flood, other = make_user(), make_user()
    client = signed_in(flood)
    for number in range(40):
        report(client, f"Hole {number}")
    report(signed_in(other))
    order = [parcel.id for _ in range(60) for parcel in take(["default"], uuid4(), limit=1)]
    tasks = Task.objects.in_bulk(order)
    places = [place for place, pk in enumerate(order) if tasks[pk].created_by == other.pk]
    assert places[0] <= 1, "the other's first task is the second to run at the latest"
    assert places[-1] <= 2 * len(places)


def test_a_person_who_joins_waiting_bulk_work_makes_it_his_own() -> None:
    citizen = make_user()
    with transaction.atomic(), entering(Urgency.BULK, sender="import:nightly"):
        send_refresh(str(citizen.pk))
    with transaction.atomic(), entering(Urgency.PERSON, sender=citizen.pk):
        send_refresh(str(citizen.pk))
    task = Task.objects.get(actor="refresh_matches")
    assert (task.urgency, task.created_by) == (Urgency.PERSON, citizen.pk)
    with transaction.atomic(), entering(Urgency.BULK, sender="import:nightly"):
        send_refresh(str(citizen.pk))
    task.refresh_from_db()
    assert (task.urgency, task.created_by) == (Urgency.PERSON, citizen.pk)
