"""Pages that show what a rule or text would do before it is saved: trials, which change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

M = TypeVar("M", bound=Model)
Cell = str | SafeString


@dataclass(frozen=True, slots=True)
class Trial:
    """What a row would do: sentences, perhaps a table of examples, a text or a map."""

    sentences: Sequence[str]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    text: str = ""
    picture: Cell = ""
    notes: Sequence[str] = ()


class TrialMixin(admin.ModelAdmin[M]):
    """Adds a button to the form of a row that tries the values in it without saving them.

    An admin says in `trial` what these values would do.
    """

    change_form_template = "admin/trial_change_form.html"

    def trial(self, request: HttpRequest, row: M) -> Trial:
        """Return what `row`, which is not saved, would do, by bounded statements."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_trial"
        view = self.admin_site.admin_view(self.trial_view)
        return [path("trial/", view, name=name), *super().get_urls()]

    def trial_view(self, request: HttpRequest) -> HttpResponse:
        """Try the posted values, or those of the stored row with the id `?id=`."""
        stored = self._stored(request)
        if not self.has_change_permission(request, stored):
            raise PermissionDenied
        if request.method == "POST":
            form = self.get_form(request, stored, change=stored is not None)(
                request.POST, instance=stored
            )
            row, is_valid = form.instance, form.is_valid()
        elif stored is not None:
            form, row, is_valid = None, stored, True
        else:
            raise Http404
        context = self.admin_site.each_context(request) | {
            "title": _("Try it: %s") % (row or self.opts.verbose_name),
            "opts": self.opts,
            "form": form,
            "trial": self.trial(request, row) if is_valid else None,
            "stored": stored,
        }
        return TemplateResponse(request, "admin/trial.html", context)

    def _stored(self, request: HttpRequest) -> M | None:
        key = request.GET.get("id")
        if not key:
            return None
        row: M | None = self.get_object(request, key)
        if row is None:
            raise Http404
        return row
