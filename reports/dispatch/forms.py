"""The desk's form that starts a plan. It sends what the API takes and is checked by its rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from reports.dispatch.gathering import Assigned
from reports.dispatch.serializers import PlanPayloadSerializer
from reports.errors import DispatchUnavailable
from reports.models import Category, Crew, Department

ASSIGNED_CHOICES = (
    (Assigned.KEEP, "Plan them for that crew"),
    (Assigned.MOVE, "Plan them for any crew, unless work has begun"),
    (Assigned.LEAVE, "Do not plan them"),
)
#: Help texts of fields in which people choose by name, where the API takes slugs and ids.
HELP = {
    "department": "Its crews and reports are planned, with those of the departments below it.",
    "crews": "None chosen: all active ones of the department.",
    "categories": "Only reports of these. None chosen: of all.",
    "assigned": "Those that a person works on are never planned.",
}


class PlanForm(forms.Form):
    """Asks what to plan; `payload` is what the job gets, once the form is valid."""

    department = forms.ModelChoiceField(Department.objects.none(), to_field_name="slug")
    day = forms.DateField(widget=forms.DateInput({"type": "date"}))
    crews = forms.ModelMultipleChoiceField(Crew.objects.none(), required=False)
    categories = forms.ModelMultipleChoiceField(
        Category.objects.none(), required=False, to_field_name="slug"
    )
    assigned = forms.ChoiceField(choices=ASSIGNED_CHOICES, label="Reports that a crew has already")
    reserve_minutes = forms.IntegerField(
        label="Minutes kept free for urgent reports", required=False
    )
    reports_maximum = forms.IntegerField(label="Reports at most")
    rounds = forms.IntegerField(label="Rounds of the search")
    seconds = forms.IntegerField(label="Seconds at most")
    seed = forms.IntegerField()

    def __init__(self, request: HttpRequest, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.payload: dict[str, Any] = {}
        self._request = request
        departments = Department.objects.all()
        mine = departments if user.is_superuser else departments.worked_in_by(user)
        self._choose("department", mine.filter(crews__is_active=True).distinct())
        self._choose("crews", Crew.objects.for_staff(user).filter(is_active=True))
        self._choose("categories", Category.objects.filter(is_active=True))
        for name, field in PlanPayloadSerializer().fields.items():
            self.fields[name].help_text = HELP.get(name) or field.help_text or ""
            if isinstance(field.default, int | str):
                self.fields[name].initial = field.default
        only = list(mine.filter(crews__is_active=True).distinct()[:2])
        self.fields["department"].initial = only[0].slug if len(only) == 1 else None
        self.fields["day"].initial = timezone.localdate() + timedelta(days=1)

    def clean(self) -> dict[str, Any]:
        """Check the fields by the rules of the API; its errors are those of the form."""
        sent = super().clean() or self.cleaned_data
        if self.errors:
            return sent
        data = sent | {
            "department": sent["department"].slug,
            "day": sent["day"].isoformat(),
            "crews": [crew.pk for crew in sent["crews"]],
            "categories": [category.slug for category in sent["categories"]],
        }
        payload = PlanPayloadSerializer(data=data, context={"request": self._request})
        try:
            is_valid = payload.is_valid()
        except DispatchUnavailable as error:
            raise forms.ValidationError(str(error)) from error
        for name, errors in payload.errors.items() if not is_valid else ():
            self.add_error(name if name in self.fields else None, [str(error) for error in errors])
        self.payload = payload.data if is_valid else {}
        return sent

    def _choose(self, name: str, rows: Any) -> None:
        field: Any = self.fields[name]
        field.queryset = rows
