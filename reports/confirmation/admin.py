"""The answers of citizens, as a report's page at the desk shows them."""

from __future__ import annotations

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from reports.models import Report


def answers_of(report: Report) -> str:
    """Return the answers about the repair, one on each line, without who gave them."""
    lines = (
        (
            date_format(timezone.localtime(one.at), "j M Y H:i"),
            "repaired" if one.is_fixed else "not repaired",
            one.get_source_display(),
            f": {one.note}" if one.note else "",
            " (with a photo)" if one.photo_id else "",
        )
        for one in report.confirmations.all()
    )
    return format_html_join(mark_safe("<br>"), "{}: {}, says {}{}{}", lines) or "-"
