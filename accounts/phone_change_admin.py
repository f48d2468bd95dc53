"""The desk's page to change a user's phone number, with a code that its holder received."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from accounts import origins, phone_change, phones
from accounts.digits import digits_typed
from accounts.errors import AccountsError, PhoneInvalid
from accounts.models import User


class PhoneChangeForm(forms.Form):
    """The new number in the first step, and the code that its holder received in the second."""

    phone = forms.CharField(label=_("New phone number"), max_length=phones.LONGEST_INPUT)
    challenge_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    code = forms.CharField(
        required=False,
        label=_("Code"),
        max_length=20,
        help_text=_(
            "Leave empty to send a code to the new number, then ask its holder for the code."
        ),
    )

    def clean_phone(self) -> str:
        try:
            return phones.normalise(self.cleaned_data["phone"])
        except PhoneInvalid as error:
            raise ValidationError(str(error)) from error

    def clean_code(self) -> str:
        return digits_typed(self.cleaned_data["code"])


class PhoneChangeAdmin(ModelAdmin[User]):
    """Add the page to the desk's users; the number is read-only everywhere else."""

    change_form_template = "admin/accounts/user/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.change_phone)
        route = path("<uuid:user_id>/phone/", view, name="accounts_user_phone")
        return [route, *super().get_urls()]

    def change_phone(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """Ask for the new number, send a code to it, and change it with the holder's code."""
        user = get_object_or_404(User, pk=user_id)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        form = PhoneChangeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                if form.cleaned_data["code"]:
                    return self._change(request, user, form.cleaned_data)
                form = self._send_code(request, form.cleaned_data["phone"])
            except AccountsError as error:
                form.add_error(None, str(error))
        page = {**self.admin_site.each_context(request), "opts": self.opts, "form": form}
        page |= {"original": user, "title": _("Change the phone number")}
        return TemplateResponse(request, "admin/accounts/user/change_phone.html", page)

    def _send_code(self, request: HttpRequest, phone: str) -> PhoneChangeForm:
        """Send a code to the new number; return the form that takes it."""
        issued = phone_change.request_code(phone, origins.of_request(request))
        self.message_user(request, _("A code is on its way to %s.") % phone)
        return PhoneChangeForm(initial={"phone": phone, "challenge_id": issued.challenge_id})

    def _change(self, request: HttpRequest, user: User, proof: dict[str, Any]) -> HttpResponse:
        """Change the number, if the code is right, and return to the user's page."""
        by = cast("User", request.user).pk
        phone_change.change(user, **proof, by=by, origin=origins.of_request(request))
        self.message_user(request, _("The number is changed, and the old number is informed."))
        return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[user.pk]))
