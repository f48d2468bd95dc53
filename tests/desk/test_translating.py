"""Every text of the desk can be translated, and pages turn around for right-to-left languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils import translation

from tests.environment import read_settings
from tests.reports.desk import signed_in
from tests.reports.factories import make_user

BASE_DIR = Path(__file__).resolve().parents[2]
#: Every template that the desk serves, of whatever app.
TEMPLATES = sorted(
    path
    for folder in ("admin", "desk", "registration")
    for path in BASE_DIR.glob(f"*/templates/{folder}/**/*.html")
)
SCRIPTS = sorted(path for path in BASE_DIR.glob("*/static/*/**/*.js") if "vendor" not in path.parts)
#: The modules that make pages of the desk.
MODULES = sorted(
    path
    for app in (
        "accounts",
        "config",
        "desk",
        "georeport",
        "imports",
        "jobs",
        "matching",
        "notifications",
        "reports",
    )
    for path in BASE_DIR.glob(f"{app}/**/*.py")
    if (path.stem.endswith("admin") or {"admin", "desk"} & {*path.relative_to(BASE_DIR).parts[:-1]})
    and not {"migrations", "models"} & {*path.parts}
)
#: What holds no text that a person reads, or a text that is translated.
WITHOUT_TEXT = re.compile(
    r"{#.*?#}|{% block bodyclass %}.*?{% endblock %}|{% comment.*?{% endcomment %}"
    r"|{% blocktranslate.*?{% endblocktranslate %}"
    r"|<(script|style|code|kbd)\b.*?</\1>|{{.*?}}|{%.*?%}",
    re.DOTALL,
)
READ_ATTRIBUTE = re.compile(r"\b(?:aria-label|alt|placeholder|title|label)=\"([^\"]*)\"")
BUTTON_TEXT = re.compile(r"<input type=\"(?:submit|button)\"[^>]*\bvalue=\"([^\"]*)\"")
WORD = re.compile(r"[^\W\d_]{2,}")
#: Texts that a script puts on the page by itself.
SHOWN = re.compile(
    r"(?:(?:textContent|innerText|innerHTML|title|placeholder|ariaLabel)\s*=|alert\(|confirm\()\s*"
    r"([\"'`])((?:(?!\1).)*)\1"
)
#: Rules for pages that are turned around anyway, and those that name a side in place of a start.
TURNED = re.compile(r'\[dir="?rtl"?\][^{]*{[^}]*}|/\*.*?\*/', re.DOTALL)
FIXED_SIDE = re.compile(
    r"(?:margin|padding|border)-(?:left|right)[\w-]*\s*:[^;}]*|text-align\s*:\s*(?:left|right)"
    r"|(?<![\w-])float\s*:\s*(?:left|right)"
)
#: Proper names, which are the same in every language.
NAMES = {"CivicLens", "GeoJSON", "JSON", "CSV", "Open", "RabbitMQ", "PostgreSQL", "nbsp", "middot"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(BASE_DIR)))
def test_every_text_of_a_template_is_marked(path: Path) -> None:
    assert list(_unmarked(path.read_text())) == []


def _unmarked(template: str) -> Iterator[str]:
    """Yield the texts and the attributes of a template that no translation can change."""
    html = WITHOUT_TEXT.sub("", template)
    read = [*re.split(r"<[^>]*>", html), *READ_ATTRIBUTE.findall(html), *BUTTON_TEXT.findall(html)]
    for text in read:
        if {*WORD.findall(re.sub(r"&\w+;", " ", text))} - NAMES:
            yield " ".join(text.split())


#: The arguments and attributes whose text a page of the desk shows.
SHOWN_NAMES = {
    *("description", "empty_label", "help_text", "hint", "label", "search_help_text", "title"),
    *("short_description", "verbose_name", "verbose_name_plural"),
}
#: The functions whose text a page of the desk shows.
SHOWING = {"ValidationError", "add_error", "format_html", "message_user", "success"}
TRANSLATING = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(BASE_DIR)))
def test_every_text_of_a_page_is_marked_in_its_module(path: Path) -> None:
    source = path.read_text()
    assert list(_unmarked_in(ast.parse(source))) == []
    assert not re.search(r"gettext\w* as (?!_\b)", source), "makemessages does not know this name"


def _unmarked_in(module: ast.AST) -> Iterator[str]:
    """Yield the texts that a module shows on a page and that no translation can change."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and _name(node.func) in SHOWING:
            sentences = (text for part in node.args for text in _texts(part))
            yield from (text for text in sentences if " " in text.strip())
        elif (isinstance(node, ast.keyword) and node.arg in SHOWN_NAMES) or (
            isinstance(node, ast.Assign) and {_name(one) for one in node.targets} & SHOWN_NAMES
        ):
            yield from _texts(node.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                yield from _texts(value) if _text_of(key) in SHOWN_NAMES else ()


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts of an expression that no translation can change."""
    if isinstance(node, ast.Call) and _name(node.func) in {*TRANSLATING, "cast", "reverse"}:
        return
    if isinstance(node, ast.Subscript | ast.Compare | ast.Dict | ast.Lambda):
        return
    text = _text_of(node)
    if {*WORD.findall(re.sub(r"<[^>]*>|{.*?}", "", text))} - NAMES:
        yield text
    else:
        for part in ast.iter_child_nodes(node):
            yield from _texts(part)


def _text_of(node: ast.AST | None) -> str:
    """Return the text that a literal holds, "" for any other expression."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _name(node: ast.AST) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


def test_scripts_have_their_texts_from_the_page() -> None:
    shown = {
        (path.name, text)
        for path in SCRIPTS
        for _, text in SHOWN.findall(path.read_text())
        if {*WORD.findall(re.sub(r"\${.*?}|<[^>]*>", "", text))} - NAMES
    }
    assert shown == set()


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("he", "rtl"), ("ar", "rtl")])
def test_pages_turn_around_for_a_language_that_is_read_from_the_right(
    language: str, direction: str
) -> None:
    desk = signed_in(make_user(is_staff=True, is_superuser=True))
    with translation.override(language):
        page = desk.get("/admin/").content.decode()
    assert re.search(rf'<html lang="{language}"\s+dir="{direction}"', page)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["desk_triage", "index", "desk_city", "jobs_dashboard_changelist"])
def test_scripts_and_drawings_get_numbers_with_a_point_in_every_language(name: str) -> None:
    desk = signed_in(make_user(is_staff=True, is_superuser=True))
    with translation.override("de"):
        page = desk.get(reverse(f"admin:{name}")).content.decode()
    assert re.findall(r'[\w-]+="-?\d+,\d+"|[a-z]:\s*-?\d+,\d+', page) == []


def test_styles_write_no_text() -> None:
    written = {
        (path.name, text)
        for path in BASE_DIR.glob("*/static/*/*.css")
        for text in re.findall(r"content:\s*\"([^\"]*)\"", path.read_text())
        if WORD.search(text)
    }
    assert written == set()


def test_styles_name_no_side_that_a_language_may_turn_around() -> None:
    fixed = {
        (path.name, rule)
        for path in BASE_DIR.glob("*/static/*/*.css")
        for rule in FIXED_SIDE.findall(TURNED.sub("", path.read_text()))
    }
    assert fixed == set()


def test_a_language_that_there_is_not_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_settings(monkeypatch, LANGUAGE_CODE="ar")["LANGUAGE_CODE"] == "ar"
    with pytest.raises(ImproperlyConfigured, match="LANGUAGE_CODE must be one of"):
        read_settings(monkeypatch, LANGUAGE_CODE="xx")
