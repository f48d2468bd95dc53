"""Departments, categories, questions and rules: from a file, by the API, and what they do to
reports.
"""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from jobs.testing import run_tasks
from reports.catalogue import documents, loading, questions
from reports.catalogue.working_hours import (
    Calendar,
    OpeningHoursInvalid,
    holidays_of,
    parse_week,
)
from reports.models import (
    Category,
    CategoryGroup,
    Department,
    Question,
    Report,
    SeverityRule,
    SeveritySource,
    Status,
)
from reports.routing import assignment
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
SMALL = """
departments:
  - {slug: streets, name: Streets, parent: works}
  - slug: works
    name: Works
    opening_hours: {mon-fri: "08:00-16:00"}
    holidays: US
groups:
  - {slug: roads, name: Roads, translations: {es: {name: Calles}}}
categories:
  - slug: pothole
    name: Pothole
    group: roads
    department: streets
    colour: "#112233"
    icon: road
    keywords: [hole]
    examples: [A deep hole, Another hole]
    translations: {es: {name: Bache, description: Un hoyo., examples: [Hay un bache]}}
    deadline: {hours: 16, in_working_hours: true}
    default_severity: high
    questions:
      - code: lane
        type: singlevaluelist
        label: Which lane?
        required: true
        values:
          - {key: left, name: Left, translations: {es: {name: Izquierdo}}}
          - {key: right, name: Right}
        translations: {es: {label: ¿Qué carril?}}
      - {code: depth, type: number, label: How deep?}
severity_rules:
  - {name: Gas, severity: critical, phrases: [gas leak, smell of gas]}
"""


def load(folder: Path, text: str = SMALL, *options: str, name: str = "city.yaml") -> list[str]:
    """Run the command on a file of this content; return its lines."""
    path, out = folder / name, io.StringIO()
    path.write_text(text, encoding="utf-8")
    call_command("load_categories", str(path), *options, stdout=out)
    return out.getvalue().splitlines()


def refusal(folder: Path, text: str, name: str = "city.yaml") -> str:
    """Return what the command says of a file that it refuses, having changed nothing."""
    with pytest.raises(CommandError) as refused:
        load(folder, text, name=name)
    assert not Category.objects.exists()
    return str(refused.value)


# --- load_categories -----------------------------------------------------------------------------


def test_a_fresh_city_has_all_that_ships_by_one_command() -> None:
    call_command("load_categories", stdout=io.StringIO())
    assert Category.objects.count() == 18
    assert Department.objects.get(is_triage=True).slug == "city-desk"
    assert Department.objects.get(slug="streets").parent == Department.objects.get(
        slug="public-works"
    )
    for category in Category.objects.select_related("group", "department"):
        assert category.group
        assert category.icon
        assert category.colour
        assert category.text("name", "es") != category.name
        category.full_clean()
    assert SeverityRule.objects.filter(phrases__contains=["live wire"]).exists()
    out = io.StringIO()
    call_command("load_categories", stdout=out)
    assert out.getvalue() == "Nothing to change.\n"
    assert AuditEvent.objects.filter(event="catalogue.loaded").count() == 1


def test_a_file_is_loaded_once_and_its_changes_are_named(tmp_path: Path) -> None:
    assert load(tmp_path)[-1] == "8 changes made."
    pothole = Category.objects.get(slug="pothole")
    assert (pothole.sla_hours, pothole.sla_in_working_hours, pothole.default_severity) == (
        16,
        True,
        "high",
    )
    assert [question.code for question in pothole.questions.all()] == ["lane", "depth"]
    assert load(tmp_path) == ["Nothing to change."]
    changed = SMALL.replace("hours: 16", "hours: 8").replace("Another hole", "A third hole")
    assert load(tmp_path, changed) == [
        "~ category pothole: examples: 1 added, 1 removed",
        "~ category pothole: sla_hours 16 → 8",
        "2 changes made.",
    ]


def test_a_dry_run_prints_the_changes_and_makes_none(tmp_path: Path) -> None:
    lines = load(tmp_path, SMALL, "--dry-run")
    assert "+ category pothole" in lines
    assert lines[-1] == "8 changes, none made: this was a dry run."
    for model in (Category, Department, AuditEvent):
        assert not model.objects.exists()
    load(tmp_path)
    assert load(tmp_path, SMALL.replace("name: Pothole", "name: Hole"), "--dry-run")[0] == (
        "~ category pothole: name Pothole → Hole"
    )
    assert Category.objects.get().name == "Pothole"


def test_what_a_file_does_not_mention_stays(tmp_path: Path) -> None:
    load(tmp_path)
    Category.objects.update(description="Ours.")
    Department.objects.filter(slug="streets").update(email="streets@example.org")
    other = make_category("graffiti", department=make_department("streets"))
    load(tmp_path, "categories:\n  - {slug: pothole, name: Hole}\n")
    pothole = Category.objects.get(slug="pothole")
    assert (pothole.name, pothole.description, pothole.sla_hours) == ("Hole", "Ours.", 16)
    assert pothole.questions.filter(retired_at=None).count() == 2
    assert Category.objects.filter(pk=other.pk, is_active=True).exists()
    assert Department.objects.get(slug="streets").email == "streets@example.org"


def test_only_new_leaves_alone_what_is_there(tmp_path: Path) -> None:
    load(tmp_path)
    Category.objects.update(name="Ours")
    more = SMALL + "  - {name: Fire, severity: high, phrases: [on fire]}\n"
    assert load(tmp_path, more.replace("How deep", "How very deep"), "--only-new") == [
        "+ severity rule Fire",
        "1 change made.",
    ]
    assert Category.objects.get().name == "Ours"


def test_another_department_becomes_the_one_for_triage(tmp_path: Path) -> None:
    load(tmp_path, "departments:\n  - {slug: desk, name: Desk, is_triage: true}\n")
    lines = load(tmp_path, "departments:\n  - {slug: hall, name: Hall, is_triage: true}\n")
    assert lines == [
        "~ department desk: is_triage True → False",
        "+ department hall",
        "2 changes made.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no categories"),
        ("- a\n- b\n", "has no categories"),
        ("categories: [", "is no YAML"),
        ("categorys: []", "categorys: Unknown field"),
        (
            "categories:\n  - {slug: a, name: A, departmnt: b}",
            "categories a departmnt: Unknown field",
        ),
        ("categories:\n  - {slug: a, name: A}", "category a: a new category needs a department"),
        (
            "categories:\n  - {slug: a, name: A, department: x}",
            "category a: there is no department 'x'",
        ),
        ("categories:\n  - {slug: a b, name: A}", "categories a b slug"),
        ("categories:\n  - {name: A}", "categories A slug: This field is required."),
        ("departments:\n  - {slug: a}", "department a: a new one needs a name"),
        (
            "departments:\n  - {slug: a, name: A}\n  - {slug: a, name: B}",
            "departments: a stands there twice",
        ),
        (
            "departments:\n  - {slug: a, slug: b}",
            "'slug' stands twice in the entry that begins in line 2",
        ),
        (
            "departments:\n  - {slug: a, name: A, parent: a}",
            "department a: parent: A department cannot be a part of itself",
        ),
        (
            "departments:\n  - {slug: a, name: A, opening_hours: {mon: 25:00-26:00}}",
            "'25:00-26:00' are no hours",
        ),
        ("departments:\n  - {slug: a, name: A, opening_hours: {tag: ''}}", "'tag' is no day"),
        ("departments:\n  - {slug: a, name: A, holidays: XX}", "holidays of 'XX' are not known"),
        (SMALL.replace("hours: 16", "hours: 0"), "categories pothole deadline hours: Ensure"),
        (
            SMALL.replace("hours: 16", "hours: soon"),
            "categories pothole deadline hours: A valid integer",
        ),
        (SMALL.replace("{es: {name: Bache", "{no: {name: Bache"), "'False' is no language"),
        (SMALL.replace("name: Bache", "title: Bache"), "es: expected name, description, examples"),
        (SMALL.replace("#112233", "red"), "colour: Expected a colour such as #2e7d32"),
        (
            SMALL.replace("code: depth", "code: lane"),
            "categories pothole questions: A code stands there twice",
        ),
        (
            SMALL.replace("code: depth, type: number", "code: depth, type: money"),
            "questions depth type",
        ),
        (
            SMALL.replace("code: depth, type: number", "code: depth, type: singlevaluelist"),
            "A list needs values",
        ),
        (SMALL.replace("key: right", "key: left"), "A key is there twice"),
        (
            SMALL.replace('opening_hours: {mon-fri: "08:00-16:00"}', ""),
            "Streets has no opening hours",
        ),
        (
            SMALL.replace("phrases: [gas leak, smell of gas]", "phrases: []"),
            "severity_rules Gas phrases",
        ),
    ],
)
def test_a_file_with_a_fault_changes_nothing_and_the_fault_is_named(
    tmp_path: Path, text: str, said: str
) -> None:
    assert said in refusal(tmp_path, text)
    assert not Department.objects.exists()


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_categories", str(tmp_path / "nowhere.yaml"))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_categories", str(tmp_path))
    assert "neither a .yaml nor a .csv" in refusal(tmp_path, "", name="city.txt")
    (tmp_path / "latin.yaml").write_bytes(
        "departments: [{slug: a, name: Señales}]".encode("latin-1")
    )
    with pytest.raises(CommandError, match="is not UTF-8"):
        call_command("load_categories", str(tmp_path / "latin.yaml"))


def test_a_table_is_loaded_too(tmp_path: Path) -> None:
    text = (
        "\ufeffslug;name;group;group_name;department;department_name;deadline_hours;examples;name_es;is_active\n"
        "pothole;Pothole;roads;Roads;streets;Streets;72;A hole|Another, deeper;Bache;yes\n"
        "lamp;Street light;;;streets;;24;;;no\n\n"
    )
    assert load(tmp_path, text, name="city.csv")[-1] == "4 changes made."
    pothole, lamp = Category.objects.get(slug="pothole"), Category.objects.get(slug="lamp")
    assert pothole.examples == ["A hole", "Another, deeper"]
    assert pothole.translations == {"es": {"name": "Bache"}}
    assert (pothole.sla_hours, lamp.sla_hours, lamp.is_active, lamp.group) == (72, 24, False, None)
    assert load(tmp_path, text, name="city.csv") == ["Nothing to change."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column `slug`"),
        ("name\nA\n", "no column `slug`"),
        ("slug,name,name\na,b,c\n", "'name' is there twice"),
        ("slug,title\na,b\n", "Unknown columns: title"),
        ("slug,name\na,b,c\n", "Row 2 has 3 cells"),
        ('slug,name\na,"b\n', "CSV cannot be read"),
        ("slug,name,is_active\na,b,perhaps\n", "Row 2: 'perhaps' is neither true nor false"),
        ("slug,deadline_hours\na,x\n", "categories a deadline hours"),
    ],
)
def test_a_table_with_a_fault_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text, name="city.csv")


# --- Questions -----------------------------------------------------------------------------------


def test_another_wording_is_the_next_version_and_another_order_is_not(tmp_path: Path) -> None:
    load(tmp_path)
    lane, depth = Question.objects.order_by("position")
    lines = load(tmp_path, SMALL.replace("How deep?", "How many cm deep?"))
    assert lines == ["~ question pothole.depth: version 2", "1 change made."]
    depth.refresh_from_db()
    assert depth.retired_at is not None
    assert depth.label == "How deep?"
    questions.ask(lane.category, "lane", {"position": 9})
    assert Question.objects.get(code="lane", retired_at=None).version == 1
    without = load(
        tmp_path, SMALL.replace("      - {code: depth, type: number, label: How deep?}\n", "")
    )
    assert "- question pothole.depth: asked no more" in without
    assert Question.objects.filter(code="depth").count() == 2
    load(tmp_path)
    assert Question.objects.get(code="depth", retired_at=None).version == 3


def test_staff_edit_questions_as_versions() -> None:
    category = make_category()
    client = Client()
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    url = f"/admin/reports/category/{category.pk}/change/"

    def send(**changes: Any) -> None:
        page = client.get(url).context
        shown = {field.html_name: field.value() for field in page["adminform"].form}
        (formset,) = [one.formset for one in page["inline_admin_formsets"]]
        for form in [formset.management_form, *formset.forms]:
            shown |= {field.html_name: field.value() for field in form}
        filled = {name: value for name, value in (shown | changes).items() if value is not None}
        answer = client.post(url, filled)
        assert answer.status_code == 302, answer.context["errors"]

    new = {
        "code": "pole",
        "type": "string",
        "label": "Which pole?",
        "values": "[]",
        "translations": "{}",
    }
    send(**{f"questions-0-{name}": value for name, value in new.items()},
         **{"questions-0-position": 0, "questions-TOTAL_FORMS": 1})  # fmt: skip
    assert Question.objects.get().version == 1
    send(**{"questions-0-label": "Which number has the pole?"})
    assert list(Question.objects.order_by("version").values_list("version", "label")) == [
        (1, "Which pole?"),
        (2, "Which number has the pole?"),
    ]
    send(**{"questions-0-DELETE": "on"})
    assert not Question.objects.filter(retired_at=None).exists()


# --- The API -------------------------------------------------------------------------------------


def test_categories_are_told_in_the_readers_language(
    tmp_path: Path, api: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    load(tmp_path)

    def told(accepted: str) -> dict[str, Any]:
        answer = api.get("/api/v1/categories/", headers={"Accept-Language": accepted})
        assert "Accept-Language" in answer["Vary"]
        return dict(answer.json()["results"][0])

    with django_assert_num_queries(2):
        spanish = told("de, es-MX;q=0.8, en;q=0.1")
    assert (spanish["name"], spanish["group"], spanish["group_slug"]) == (
        "Bache",
        "Calles",
        "roads",
    )
    lane, depth = spanish["questions"]
    assert lane == {
        "code": "lane",
        "version": 1,
        "type": "singlevaluelist",
        "label": "¿Qué carril?",
        "help": "",
        "required": True,
        "values": [{"key": "left", "name": "Izquierdo"}, {"key": "right", "name": "Right"}],
    }
    assert (depth["label"], depth["values"]) == ("How deep?", [])
    for accepted in ("", "de", "en, es", "*", "x" * 500, "es;q=nan"):
        assert told(accepted)["name"] == "Pothole"
    assert told("es")["languages"] == ["es"]


# --- Severity ------------------------------------------------------------------------------------


def routed(**fields: Any) -> Report:
    """A new report with these fields after its routing."""
    report = make_report(status=Status.NEW, department=None, **fields)
    assignment.route(str(report.pk))
    report.refresh_from_db()
    return report


def test_words_raise_the_severity_and_the_rule_is_named(tmp_path: Path, api: APIClient) -> None:
    load(tmp_path)
    category = Category.objects.get()
    report = routed(
        title="There is a GAS-LEAK!", description="", category=category, category_source="reporter"
    )
    assert (report.severity, report.severity_source, report.severity_rule) == (
        "critical",
        "rule",
        "Gas",
    )
    assert api.get(f"/api/v1/reports/{report.pk}/").json()["severity_rule"] == "Gas"
    for harmless in ("Gasoline leaks", "vegas leak", "A leak of gas"):
        assert routed(title=harmless, description="").severity_rule == ""
    SeverityRule.objects.update(severity="low")
    assert routed(title="gas leak", severity="high").severity == "high"
    SeverityRule.objects.update(severity="critical", is_active=False)
    assert routed(title="gas leak").severity == "medium"


def test_a_report_without_a_severity_has_that_of_its_category(
    tmp_path: Path, as_user: SignIn
) -> None:
    load(tmp_path)
    client = as_user(make_user())
    ids = [
        client.post(
            "/api/v1/reports/",
            new_report(category="pothole", **more),
            headers={"X-Acknowledge-Duplicate": "true"},
        ).json()["id"]
        for more in ({}, {"severity": "medium"}, {"severity": "low"})
    ]
    run_tasks()
    found = [Report.objects.get(pk=pk) for pk in ids]
    assert [report.severity for report in found] == ["high", "medium", "low"]
    assert [report.severity_source for report in found] == ["category", "reporter", "reporter"]


def test_staff_have_the_last_word_on_the_severity(tmp_path: Path) -> None:
    load(tmp_path)
    report = routed(title="gas leak", category=Category.objects.get(), category_source="reporter")
    assignment.revise(report, {"severity": "low"}, by=make_user(is_staff=True))
    assignment.route(str(report.pk))
    report.refresh_from_db()
    assert (report.severity, report.severity_source, report.severity_rule) == ("low", "staff", "")


# --- Deadlines -----------------------------------------------------------------------------------


def test_a_changed_rule_never_moves_an_old_deadline() -> None:
    category = make_category(sla_hours=72)
    old = routed(category=category, category_source="reporter")
    before = old.due_at
    category.sla_hours = 10
    category.save()
    category.refresh_from_db()
    assert category.sla_version == 2
    staff = make_user(is_staff=True)
    assignment.route(str(old.pk))
    assignment.revise(old, {"title": "Renamed"}, by=staff)
    old.refresh_from_db()
    assert (old.due_at, old.sla_hours, old.sla_version) == (before, 72, 1)
    assignment.revise(old, {"severity": "high"}, by=staff)
    old.refresh_from_db()
    assert old.due_at == old.created_at + timedelta(hours=36)
    new = routed(category=category, category_source="reporter")
    assert (new.due_at, new.sla_version) == (new.created_at + timedelta(hours=10), 2)
    category.name = "Hole"
    category.save(update_fields=["name"])
    assert Category.objects.get().sla_version == 2


def test_a_deadline_in_working_hours_skips_nights_weekends_and_holidays(
    tmp_path: Path, settings: Any
) -> None:
    settings.TIME_ZONE = "America/New_York"
    load(tmp_path)
    Department.objects.filter(slug="streets").update(closed_on=[date(2026, 7, 7)])
    report = routed(
        category=Category.objects.get(),
        category_source="reporter",
        severity="medium",
        severity_source="reporter",
        created_at=datetime(2026, 7, 2, 18, 0, tzinfo=UTC),
    )
    # Thursday has 2 hours left; Friday stands in for 4 July; Monday has 8; the city is closed on
    # Tuesday.
    assert report.due_at == datetime(2026, 7, 8, 18, 0, tzinfo=UTC)
    assert report.sla_in_working_hours is True


WEEK = {"mon-fri": "08:00-12:00, 13:00-17:00", "sun": "00:00-24:00"}


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-03-06T16:00-05:00", 1, "2026-03-06T17:00-05:00"),
        ("2026-03-06T11:00-05:00", 2, "2026-03-06T14:00-05:00"),
        ("2026-03-06T12:30-05:00", 0.5, "2026-03-06T13:30-05:00"),
        ("2026-03-06T17:00-05:00", 23, "2026-03-09T00:00-04:00"),  # Sunday has 23 hours
        ("2026-03-06T17:00-05:00", 24, "2026-03-09T09:00-04:00"),
        ("2026-10-30T17:00-04:00", 25, "2026-11-02T00:00-05:00"),  # and here 25
    ],
)
def test_working_hours_are_counted_as_they_pass(start: str, hours: float, end: str) -> None:
    calendar = Calendar(parse_week(WEEK), holidays_of(""), ZoneInfo("America/New_York"))
    assert calendar.after(datetime.fromisoformat(start), hours) == datetime.fromisoformat(end)


def test_a_department_that_never_opens_has_no_deadline_in_working_hours() -> None:
    assert (
        Calendar(parse_week({}), holidays_of(""), UTC).after(datetime(2026, 1, 1, tzinfo=UTC), 1)
        is None
    )


@pytest.mark.parametrize(
    "hours",
    [
        {"mon": "8-17"},
        {"mon": "17:00-08:00"},
        {"mon": "08:00-12:00, 11:00-13:00"},
        {"fri-mon": "08:00-12:00"},
        {"mon": "08:00-12:00", "mon-fri": "08:00-12:00"},
        {"mon": "08:60-12:00"},
    ],
)
def test_opening_hours_that_cannot_be_are_refused(hours: dict[str, str]) -> None:
    with pytest.raises(OpeningHoursInvalid):
        parse_week(hours)


# --- Departments within departments --------------------------------------------------------------


def test_members_of_a_department_work_in_those_below(as_user: SignIn) -> None:
    works = make_department("works")
    streets = make_department("streets", parent=works)
    crew = make_department("crew", parent=streets)
    parks = make_department("parks")
    reports = {
        one.slug: make_report(department=one, published_at=None)
        for one in (works, streets, crew, parks)
    }

    def seen(department: Department) -> set[str]:
        client = as_user(make_staff(department))
        return {
            slug
            for slug, report in reports.items()
            if client.get(f"/api/v1/reports/{report.pk}/").status_code == 200
        }

    assert seen(works) == {"works", "streets", "crew"}
    assert seen(streets) == {"streets", "crew"}
    assert seen(crew) == {"crew"}
    step = {"status": "in_progress"}
    assert (
        as_user(make_staff(works))
        .post(f"/api/v1/reports/{reports['crew'].pk}/status/", step)
        .status_code
        == 200
    )
    refused = as_user(make_staff(crew)).post(f"/api/v1/reports/{reports['works'].pk}/status/", step)
    assert refused.status_code == 404


def test_the_shipped_file_can_be_read_back_as_categories() -> None:
    texts = documents.shipped_categories()
    assert len(texts) == 18
    assert not Category.objects.exists()
    loading.load(documents.read(documents.SHIPPED))
    assert CategoryGroup.objects.count() == 7
    assert {SeveritySource.RULE, SeveritySource.CATEGORY} <= set(SeveritySource)
