"""Departments, categories, questions and rules: from a file, by the API, and what they do to
reports."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from reports.catalogue import documents, loading, questions
from reports.models import (
    Category,
    CategoryGroup,
    Department,
    Question,
    SeverityRule,
    SeveritySource,
)
from tests.reports.cataloguing import SMALL, load, refusal
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db


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
    assert pothole.response_hours == 4
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


def test_a_department_asks_for_emails_to_the_office_above_it(tmp_path: Path) -> None:
    below = "  - {slug: roads, name: Roads, parent: works, is_emailed: true}\n"
    above = "  - {slug: works, name: Works, email: works@example.org}\n"
    load(tmp_path, f"departments:\n{below}{above}")
    roads = Department.objects.get(slug="roads")
    assert (roads.is_emailed, roads.office()) == (True, roads.parent)
    assert load(tmp_path, f"departments:\n{below}{above}") == ["Nothing to change."]
    with pytest.raises(CommandError, match="email address"):
        load(tmp_path, "departments:\n  - {slug: parks, name: Parks, is_emailed: true}\n")


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
        (f"categories: {'[' * 100_000}", "is nested too deeply"),
        (f"categories: {'{a: ' * 100_000}", "is nested too deeply"),
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


MANY_FAULTS = """
departments:
  - {slug: streets, name: Streets, opening_hours: {mon: 25:00-26:00}}
  - {slug: parks}
  - {slug: works, name: Works, parent: nowhere}
groups:
  - {slug: roads, name: Roads}
  - {slug: roads, name: Ways}
categories:
  - {slug: pothole, name: Pothole, department: streets, group: none, colour: red}
  - {slug: lamp, name: Lamp}
  - {slug: tree, name: Tree, department: works, deadline: {hours: soon}}
  - slug: sign
    name: Sign
    department: parks
    questions: [{code: kind, type: singlevaluelist, label: Which?}]
signs: []
"""


def test_all_faults_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    """Each once, and none that only follows from another."""
    lines = refusal(tmp_path, MANY_FAULTS).splitlines()
    begins = [
        "signs: Unknown field",
        "categories tree deadline hours: A valid integer",
        "groups: roads stands there twice",
        "department streets: opening_hours: '25:00-26:00' are no hours",
        "department parks: a new one needs a name",
        "department works: there is no parent 'nowhere'",
        "category pothole: there is no group 'none'",
        "category pothole: colour: Expected a colour",
        "category lamp: a new category needs a department",
        "question sign.kind: values: A list needs values",
    ]
    assert {one for one in begins for line in lines if line.startswith(one)} == set(begins)
    assert len(lines) == len(begins), lines
    twice = "departments:\n  - {slug: a, slug: b}\n  - {name: a, name: b}"
    assert refusal(tmp_path, twice).count("stands twice") == 2
    table = "slug,title,slug\na,b,c,d\n"
    assert len(refusal(tmp_path, table, name="city.csv").splitlines()) == 3


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
        ("slug,name,is_active\na,b,perhaps\n", "categories a is_active: Expected true or false"),
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
