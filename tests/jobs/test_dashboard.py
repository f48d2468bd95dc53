"""The operations page: who may see it, what it shows, and its switches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from jobs.ledger.parcels import Parcel
from jobs.models import AlertEpisode, Queue, Task, Worker
from jobs.operations import charts, dashboard, rollup
from jobs.templatetags import figures
from jobs.testing import run_tasks
from jobs.transport import publisher as publisher_module
from tests.jobs.conftest import wait_until
from tests.jobs.probe.actors import probe_failing, probe_transactional

pytestmark = pytest.mark.django_db

PAGE = "/admin/jobs/dashboard/"


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("+12035550101", "secret"))
    return client


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("+12035550102", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=permissions, content_type__app_label="jobs")
    )
    client = Client()
    client.force_login(user)
    return client


def shown(client: Client, query: str = "") -> str:
    answer = client.get(PAGE + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_is_linked_from_the_admin(desk: Client) -> None:
    for address in ("/admin/operations/", "/admin/jobs/"):
        assert f'href="{PAGE}"' in desk.get(address).content.decode()


@pytest.mark.parametrize(
    "period", ["", "?period=hour", "?period=day", "?period=week", "?period=century"]
)
def test_an_empty_ledger_has_a_page(desk: Client, period: str) -> None:
    page = shown(desk, period)
    assert "No worker process is known" in page
    assert "No task ended" in page


def test_it_shows_what_happened_what_waits_and_who_works(desk: Client) -> None:
    with transaction.atomic():
        probe_transactional.send("fine")
        probe_failing.send("luck")
    run_tasks(raise_errors=False, until_delay=False)
    worker = Worker.objects.create(
        hostname="desk-1", pid=4711, queues=["default"], threads=2, memory_bytes=2**28
    )
    with transaction.atomic():
        task = Task.objects.get(pk=probe_transactional.send("running").message_id)
        probe_transactional.send("waiting")
    task.state, task.worker_id, task.started_at, task.attempt = (
        "running",
        worker.pk,
        timezone.now(),
        2,
    )
    task.progress = {"fraction": 0.42}
    task.save(update_fields=["state", "worker_id", "started_at", "attempt", "progress"])
    AlertEpisode.objects.create(rule="dead_tasks", threshold=20, value=25)
    page = shown(desk)
    for fact in (
        "desk-1:4711",
        "256.0",
        "42.0 %",
        "attempt 2",
        "ValueError",
        "probe_failing",
        "25 tasks are dead",
    ):
        assert fact in page
    assert "33.3 %" in page, "one of three attempts succeeded"


def test_a_silent_worker_is_not_called_alive(desk: Client) -> None:
    Worker.objects.create(
        hostname="desk-2", pid=1, threads=1, heartbeat_at=timezone.now() - timedelta(minutes=3)
    )
    assert "silent for 3 min" in shown(desk)


def test_the_figures_come_alone_when_asked_for_and_are_never_kept(desk: Client) -> None:
    answer = desk.get(PAGE + "?figures&period=day")
    assert "<html" not in answer.content.decode()
    assert "Actors in the last day" in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]


def test_queues_are_paused_and_resumed_with_a_record(desk: Client) -> None:
    page = desk.post(PAGE, {"pause": "default"}, follow=True)
    assert "paused since" in page.content.decode()
    assert Queue.objects.get(name="default").paused_at is not None
    desk.post(PAGE, {"resume": "default"})
    assert Queue.objects.get(name="default").paused_at is None
    told = AuditEvent.objects.filter(event__startswith="queue.").order_by("id")
    assert list(told.values_list("event", flat=True)) == ["queue.paused", "queue.resumed"]


@pytest.mark.parametrize("form", [{"pause": "no-such-queue"}, {"explode": "default"}, {}])
def test_an_odd_switch_changes_nothing(desk: Client, form: dict[str, str]) -> None:
    assert desk.post(PAGE, form).status_code == 302
    assert not Queue.objects.exists()


def test_switching_needs_a_token_against_forgery(desk: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.cookies
    assert strict.post(PAGE, {"pause": "default"}).status_code == 403


def test_who_may_look_may_not_switch() -> None:
    viewer = staff("view_dashboard")
    assert 'name="pause"' not in shown(viewer)
    assert viewer.post(PAGE, {"pause": "default"}).status_code == 403
    assert not Queue.objects.exists()


def test_who_may_switch_sees_the_switches() -> None:
    operator = staff("view_dashboard", "change_queue")
    assert 'name="pause"' in shown(operator)
    assert operator.post(PAGE, {"pause": "default"}).status_code == 302
    assert Queue.objects.get(name="default").paused_at is not None


def test_others_see_nothing(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
    User.objects.create_user("+12035550103")
    assert staff("view_task").get(PAGE).status_code == 403


@pytest.mark.parametrize("tasks", [0, 30])
def test_the_number_of_statements_does_not_grow(
    desk: Client, tasks: int, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    Task.objects.bulk_create(
        Task(
            id=uuid4(),
            actor=f"actor_{number}",
            queue="default",
            state=("succeeded", "dead", "queued")[number % 3],
            started_at=now,
            finished_at=now,
        )
        for number in range(tasks)
    )
    with django_assert_max_num_queries(17):
        desk.get(PAGE + "?figures")


@pytest.fixture
def by_rabbitmq(settings: LazySettings) -> Iterator[LazySettings]:
    """This process has a way of its own to RabbitMQ, wherever the test says that is."""
    settings.JOBS_TRANSPORT = "rabbitmq"
    settings.JOBS_QUEUE_PREFIX = f"test-{uuid4().hex[:8]}"
    publisher_module._forget()
    yield settings
    publisher_module.publisher().stop()
    publisher_module._forget()


def test_rabbitmq_is_up_with_what_each_queue_holds(
    by_rabbitmq: LazySettings, rabbitmq_url: str
) -> None:
    by_rabbitmq.RABBITMQ_URL = rabbitmq_url
    parcels = [Parcel(uuid4(), "probe_transactional", "default") for _ in range(3)]
    way = publisher_module.publisher()
    wait_until(lambda: way.is_connected and way.depth("default") is not None, "the connection")
    assert len(way.publish(parcels)) == 3
    broker = dashboard.ask_broker()
    assert broker.state == "up"
    assert broker.ready == dict.fromkeys(by_rabbitmq.JOBS_QUEUES, 0) | {"default": 3}


def test_rabbitmq_that_is_away_costs_the_page_no_more_than_a_moment(
    by_rabbitmq: LazySettings,
) -> None:
    by_rabbitmq.RABBITMQ_URL = "amqp://127.0.0.1:9/"
    started = time.monotonic()
    assert dashboard.ask_broker().state == "down"
    assert time.monotonic() - started < 10 * dashboard.BROKER_PATIENCE_SECONDS


def test_columns_stack_upwards_from_the_ground() -> None:
    chart = charts.columns({"succeeded": [30, 0], "failed": [20, 0]})
    lower, upper = chart.bars
    assert lower.y + lower.height == charts.HEIGHT
    assert upper.y + upper.height == pytest.approx(lower.y)
    assert [line.value for line in chart.grid] == [25, 50]


def test_a_gap_in_a_line_stays_a_gap() -> None:
    path = charts.lines({"p50": [0.01, 0.1, None, 0.01]}).paths["p50"]
    assert path.count("M") == 2
    assert charts.lines({"p50": [None, None]}).paths["p50"] == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0032, "3.2 ms"),
        (0.25, "250 ms"),
        (1.25, "1.2 s"),
        (75, "1 min 15 s"),
        (3600, "1 h 0 min"),
        (200000, "2 d 7 h"),
    ],
)
def test_durations_read_well(seconds: float | None, text: str) -> None:
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(0, "0 %"), (1, "100 %"), (0.0002, "< 0.1 %"), (0.9999, "> 99.9 %"), (0.5, "50.0 %")],
)
def test_almost_all_is_not_all(part: float, text: str) -> None:
    assert figures.percent(part) == text


def test_every_period_has_rows_for_its_whole_length() -> None:
    assert rollup.RETENTION[rollup.MINUTE] > timedelta(hours=1)
    assert rollup.RETENTION[rollup.TEN_MINUTES] > timedelta(days=1)
    assert rollup.RETENTION[rollup.HOUR] > timedelta(days=7)
