"""Pages that show a secret, such as a new key, only once."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse


def shown_once(request: HttpRequest, desk: ModelAdmin[Any], title: str) -> HttpResponse:
    """Return a page with the messages of this request and a link to the list of `desk`.

    A redirect would take the messages into a cookie, or, if they are long, into the session's row.
    """
    site, opts = desk.admin_site, desk.opts
    address = reverse(f"{site.name}:{opts.app_label}_{opts.model_name}_changelist")
    context = site.each_context(request) | {"title": title, "opts": opts, "list": address}
    return TemplateResponse(request, "admin/shown_once.html", context)
