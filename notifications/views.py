"""The development mailbox as a page."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache

from notifications.channels import mailbox

SHOWN = 100


@never_cache
def development_messages(request: HttpRequest) -> HttpResponse:
    """The newest messages of the development mailbox; there is no such page outside DEBUG."""
    if not settings.DEBUG:
        raise Http404
    messages = [entry | {"sent_at": parse_datetime(entry["sent_at"])} for entry in mailbox.newest(SHOWN)]
    return render(request, "notifications/development_messages.html", {"messages": messages, "path": mailbox.path()})
