"""The pages without a connection: what the service worker keeps, and its script.

The worker acts only where the network fails. A report that was sent then is kept on the device, and
sent again with its `client_id`, so that it is stored once even if its first sending did arrive.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.form import Form
from portal.pages import SHARED, page, show
from portal.reporting import form_context

SOURCE = (Path(__file__).parent / "service_worker.js").read_text()
#: Stands in the kept form for the id that the worker makes anew for each report.
ID_PLACEHOLDER = "00000000-id-of-the-report"
#: Where the worker leaves everything to the browser.
LEFT_ALONE = ("/admin", "/api/", "/open311/")
STORE = "portal/kept-store.js"
STATIC_FILES = ("portal/portal.css", STORE, "portal/form.js", "portal/kept.js", "desk/icon.svg")


@require_safe
def worker_script(_request: HttpRequest) -> HttpResponse:
    """Return the service worker with the addresses that it needs; a change gives it new ones."""
    pages = {name: reverse(f"portal-{name}") for name in ("offline", "kept", "offline-form")}
    settings = {
        "pages": pages,
        "files": [*pages.values(), *map(static, STATIC_FILES)],
        "store": static(STORE),
        "report": reverse("portal-report"),
        "send": reverse("portal-send-kept"),
        "placeholder": ID_PLACEHOLDER,
        "leftAlone": LEFT_ALONE,
    }
    version = hashlib.sha256(f"{settings}{SOURCE}".encode()).hexdigest()[:16]
    script = f"const settings = {json.dumps(settings | {'version': version})};\n{SOURCE}"
    answer = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer


@require_safe
@page
def manifest(_request: HttpRequest) -> HttpResponse:
    """Return what a phone needs to put the pages on its home screen."""
    language = get_language() or "en"
    icon = {"src": static("desk/icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    content = {
        "name": "CivicLens",
        "description": _("Report a problem to the city"),
        "lang": language,
        "dir": "rtl" if get_language_info(language)["bidi"] else "ltr",
        "start_url": reverse("home"),
        "scope": "/",
        "display": "minimal-ui",
        "theme_color": "#0b5c8a",
        "background_color": "#f5f7f8",
        "icons": [icon],
    }
    answer = JsonResponse(content, content_type="application/manifest+json")
    answer["Cache-Control"] = SHARED
    return answer


@require_safe
@page
def offline_page(request: HttpRequest) -> HttpResponse:
    """Return the page that the worker shows in place of one that it cannot get."""
    return show(request, "offline.html", {}, caching=SHARED)


@require_safe
@page
def offline_form(request: HttpRequest) -> HttpResponse:
    """Return the form of a new report that the worker shows without a connection."""
    form = Form.empty()
    form.values["client_id"] = ID_PLACEHOLDER
    context = form_context(form) | {"is_offline": True}
    return show(request, "form.html", context, caching=SHARED)


@require_safe
@page
def kept_page(request: HttpRequest) -> HttpResponse:
    """Return the page that says that a report is kept on the device."""
    return show(request, "kept.html", {}, caching=SHARED)


@require_safe
def send_kept(_request: HttpRequest) -> HttpResponse:
    """Lead to the form: where there is no worker, nothing was kept. A worker sends it instead."""
    return HttpResponseRedirect(reverse("portal-report"))
