"""Draw the rows of a list as Django does, in less time: `{% result_list cl %}`.

Django asks for each cell what is the same in its whole column: which field or method shows it, the
names of its choices, its icons, and the query with which its link goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time
from html import escape
from typing import Any

from django import template
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags import admin_list
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.templatetags.base import InclusionAdminNode
from django.contrib.admin.utils import display_for_field, display_for_value, lookup_field
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import DateField, Field, ForeignKey, Model, TimeField
from django.template.base import Parser, Token
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

register = template.Library()

#: What a cell shows, and whether it stays in one line.
Content = tuple[str, bool]
Address = Callable[[Model], str]
_YES_OR_NO = (True, False, None)


@register.tag(name="result_list")
def result_list_tag(parser: Parser, token: Token) -> InclusionAdminNode:
    """Show the head and the rows of a list, in place of Django's tag of this name."""
    return InclusionAdminNode(
        parser,
        token,
        func=result_list,
        template_name="change_list_results.html",
        takes_context=False,
    )


def result_list(cl: ChangeList) -> dict[str, Any]:
    """Return what the template of a list shows; forms and popups are left to Django."""
    if cl.formset or cl.is_popup:
        shown: dict[str, Any] = admin_list.result_list(cl)
        return shown
    headers = list(admin_list.result_headers(cl))
    return {
        "cl": cl,
        "result_headers": headers,
        "num_sorted_fields": sum(
            bool(header["sortable"] and header["sorted"]) for header in headers
        ),
        "results": [admin_list.ResultList(None, [row]) for row in rows(cl)],
    }


def rows(cl: ChangeList) -> Iterator[SafeString]:
    """Yield the cells of each row."""
    columns = list(_columns(cl))
    for row in cl.result_list:
        yield mark_safe("".join([draw(row) for draw in columns]))  # noqa: S308 - all is escaped


def _columns(cl: ChangeList) -> Iterator[Callable[[Model], str]]:
    """Yield the function that draws the cells of each column; the first with links has headings."""
    linked, address = cl.list_display_links or (), _addresses(cl)
    heading = next((name for name in cl.list_display if name in linked), None)
    for name in cl.list_display:
        tag = "th" if name == heading else "td"
        yield _column(name, tag, _contents(cl, name), address if name in linked else None)


def _column(
    name: Any, tag: str, content: Callable[[Model], Content], address: Address | None
) -> Callable[[Model], str]:
    """Return the function that draws the cells of a column, as links if `address` is given."""
    kind = f"field-{name.__name__ if callable(name) else name}"
    kind = "action-checkbox" if name == "action_checkbox" else kind

    def draw(row: Model) -> str:
        text, is_nowrap = content(row)
        shown = text if isinstance(text, SafeString) else escape(str(text))
        if address:
            shown = f'<a href="{escape(address(row))}">{shown}</a>'
        return f'<{tag} class="{kind}{" nowrap" if is_nowrap else ""}">{shown}</{tag}>'

    return draw


def _addresses(cl: ChangeList) -> Address | None:
    """Return the function from a row to the address of its page, with the query of the list."""
    first = next(iter(cl.result_list), None)
    if first is None:
        return None
    try:
        address = cl.url_for_result(first)
    except NoReverseMatch:
        return None
    kept: Any = {"preserved_filters": cl.preserved_filters, "opts": cl.opts}
    query = add_preserved_filters(kept, address).removeprefix(address)
    return lambda row: f"{cl.url_for_result(row)}{query}"


def _contents(cl: ChangeList, name: Any) -> Callable[[Model], Content]:
    """Return the function from a row to the content of its cell in a column."""
    if name == "action_checkbox":
        return _of_boxes()
    fields = {field.name: field for field in cl.opts.fields}
    field = None if callable(name) else fields.get(name)
    if field is not None:
        return _of_choices(cl, field) if field.choices else _by_django(cl, name)
    method = None if callable(name) or name == "__str__" else getattr(cl.model_admin, name, None)
    return _of_method(cl, method) if callable(method) else _by_django(cl, name)


def _of_boxes() -> Callable[[Model], Content]:
    """Return the function that draws the box by which a row is selected, without a widget."""
    label = gettext("Select this object for an action - {}")
    box = '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">'

    def content(row: Model) -> Content:
        return format_html(box, ACTION_CHECKBOX_NAME, row.pk, label.format(row)), False

    return content


def _of_choices(cl: ChangeList, field: Field[Any, Any]) -> Callable[[Model], Content]:
    """Return the function from a row to the name of its choice."""
    names = {value: str(label) for value, label in field.flatchoices}
    empty = cl.model_admin.get_empty_value_display()
    return lambda row: (names.get(getattr(row, field.attname), empty), False)


def _of_method(cl: ChangeList, method: Callable[[Model], Any]) -> Callable[[Model], Content]:
    """Return the function from a row to the value of a method; an icon for yes or no."""
    empty = cl.model_admin.get_empty_value_display()
    empty_here = getattr(method, "empty_value_display", empty)
    icons: dict[bool | None, str] = {}
    if getattr(method, "boolean", False):
        icons = {value: display_for_value(value, "", boolean=True) for value in _YES_OR_NO}

    def content(row: Model) -> Content:
        try:
            value = method(row)
        except ObjectDoesNotExist:
            return empty, False
        if icons:
            return icons[value], False
        return display_for_value(_without_blanks(value), empty_here), isinstance(value, date | time)

    return content


def _without_blanks(value: Any) -> Any:
    return "" if isinstance(value, str) and not value.strip() else value


def _by_django(cl: ChangeList, name: Any) -> Callable[[Model], Content]:
    """Return the function from a row to its content as Django shows it."""
    empty = cl.model_admin.get_empty_value_display()

    def content(row: Model) -> Content:
        try:
            field, attribute, value = lookup_field(name, row, cl.model_admin)
        except ObjectDoesNotExist:
            return empty, False
        value = _without_blanks(value)
        if field is None or field.auto_created:
            empty_here = getattr(attribute, "empty_value_display", empty)
            is_boolean = getattr(attribute, "boolean", False)
            shown = display_for_value(value, empty_here, boolean=is_boolean)
            return shown, isinstance(value, date | time)
        if isinstance(field, ForeignKey):
            return (empty if value is None else value), True
        is_linked = name in (cl.list_display_links or ())
        shown = display_for_field(value, field, empty, avoid_link=is_linked)
        return shown, isinstance(field, DateField | TimeField)

    return content
