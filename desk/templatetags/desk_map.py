"""Put maps on pages: `{% map_assets %}` once in the head, `{% small_map report %}` anywhere."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from reports.geography.background import STREETS_ZOOM
from reports.models import Report

register = template.Library()

_ANY = 10**6  # stands for the numbers that the script puts into an address


@register.inclusion_tag("desk/map/assets.html")
def map_assets() -> dict[str, Any]:
    """Load Leaflet and the script of the maps, with its settings and texts."""
    streets = reverse("admin:desk_map_streets", args=[_ANY, _ANY + 1])
    return {
        "settings": {
            "background": reverse("admin:desk_map_background"),
            "streets": streets.replace(str(_ANY + 1), "{y}").replace(str(_ANY), "{x}"),
            "streetsZoom": STREETS_ZOOM,
            "tiles": settings.MAP_TILES_URL,
            "attribution": settings.MAP_TILES_ATTRIBUTION,
            "texts": _texts(),
        }
    }


@register.inclusion_tag("desk/map/small.html")
def small_map(report: Report) -> dict[str, Any]:
    """Show a report on a map with those around it on which the reader works."""
    return {"report": report}


def _texts() -> dict[str, str]:
    """Return the texts of the script, whose {names} it replaces."""
    return {
        "cluster": _("{count} reports"),
        "clusterOverdue": _("{count} reports, {overdue} overdue"),
        "summary": _("{count} reports in view, {overdue} overdue"),
        "capped": _(
            "The newest {count} reports in view, {overdue} of them overdue; narrow the"
            " filters or zoom in to see older ones."
        ),
        "nothing": _("No reports in view."),
        "failed": _("The reports cannot be loaded: {reason}"),
        "offline": _("The server does not answer; the map tries again."),
        "overdue": _("overdue"),
        "due": _("due {at}"),
        "reported": _("reported {at}"),
        "here": _("this report"),
        "open": _("Open the report"),
        "triage": _("Triage these reports"),
        "zoom": _("Zoom in"),
        "show": _("Show on the map"),
        "more": _("and {count} more groups; zoom in to see them"),
        "near": _("{count} reports around it"),
        "updated": _("Updated at {at}."),
    }
