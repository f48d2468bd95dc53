"""The desk: steps with one report on its page, and with many from the list."""

from __future__ import annotations

import pytest

from accounts.models import User
from jobs.testing import assert_sent
from notifications.actors import notify_user
from reports.following import unsubscribing
from reports.models import Report, Status
from reports.routing import assignment
from reports.workflow import transitions
from tests.reports.desk import LIST, bulk_step, preview, signed_in, step
from tests.reports.factories import (
    guessed,
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db


def test_the_page_shows_what_the_classifier_suggests_and_why(superuser: User) -> None:
    earlier = make_report(title="Earlier")
    reasons = [
        {"phrase": "<b>Deep hole</b>", "report_id": None, "similarity": 0.8},
        {"phrase": None, "report_id": str(earlier.pk), "similarity": 0.7},
    ]
    suggested = [
        {"category": "pothole", "confidence": 0.24, "reasons": reasons},
        {"category": "snow", "confidence": 0.2, "reasons": []},
    ]
    report = guessed(category_suggestions=suggested)
    page = signed_in(superuser).get(f"{LIST}{report.pk}/change/").content.decode()
    assert "<strong>pothole (24%)</strong>: near “&lt;b&gt;Deep hole&lt;/b&gt;”, <a" in page
    assert f'href="{LIST}{earlier.pk}/change/"' in page
    assert "<strong>snow (20%)</strong>" in page


def test_a_bulk_step_shows_what_it_will_do_and_then_does_it(superuser: User) -> None:
    can, cannot = make_report(title="Can"), make_report(title="Cannot", status=Status.CLOSED)
    client = signed_in(superuser)
    page = preview(client, "rejected", can, cannot)
    shown = {outlook.report: outlook for outlook in page.context["outlooks"]}
    assert shown[can].effects == ("triaged → rejected", "no longer public")
    assert "cannot become rejected" in shown[cannot].refusal
    assert Report.objects.filter(status=Status.REJECTED).count() == 0
    after = bulk_step(client, "rejected", can, cannot, note="Not ours.")
    assert "1 marked as rejected" in after
    assert "cannot become rejected" in after
    line = can.history.last()
    assert line is not None
    assert (line.to_status, line.note, line.by) == ("rejected", "Not ours.", superuser)
    assert Report.objects.get(pk=cannot.pk).status == Status.CLOSED


def test_many_are_given_one_category_together_with_a_step(superuser: User) -> None:
    category = make_category("benches")
    reports = [guessed(title="One"), make_report(title="Two", status=Status.NEW)]
    client = signed_in(superuser)
    assert "Each its own" in preview(client, "triaged", *reports).content.decode()
    after = bulk_step(client, "triaged", *reports, category=str(category.pk))
    assert "2 marked as triaged" in after
    now = Report.objects.filter(pk__in=[one.pk for one in reports])
    assert {(one.status, one.category, one.category_source) for one in now} == {
        ("triaged", category, "staff")
    }


def test_many_are_handed_over_with_one_note(superuser: User) -> None:
    reports = [make_report(title="One"), make_report(title="Two")]
    parks = make_department("parks")
    client = signed_in(superuser)
    selected = {"action": "hand_over", "_selected_action": [str(one.pk) for one in reports]}
    page = client.post(LIST, selected)
    assert [one.refusal != "" for one in page.context["outlooks"]] == [True, True]
    seen = {f"seen_{one.pk}": one.updated_at.isoformat() for one in reports}
    sent = {"department": str(parks.pk), "note": "Trees.", "previewed": "yes", **seen}
    page = client.post(LIST, selected | sent)
    assert [one.refusal for one in page.context["outlooks"]] == ["", ""]
    client.post(LIST, selected | sent | {"confirmed": "yes"})
    for report in Report.objects.filter(pk__in=[one.pk for one in reports]):
        assert report.department == parks
        assert report.history.filter(note="Trees.").exists()


def test_a_bulk_step_neither_keeps_guesses_nor_publishes_in_silence(superuser: User) -> None:
    report, client = guessed(), signed_in(superuser)
    (shown,) = preview(client, "triaged", report).context["outlooks"]
    assert "is a guess of 24%" in shown.refusal
    assert "is a guess of 24%" in bulk_step(client, "triaged", report)
    report.refresh_from_db()
    assert (report.status, report.published_at) == (Status.NEW, None)
    again = preview(
        client, "triaged", report, previewed="yes", accepts_guess="on", is_publishing="on"
    )
    assert again.context["outlooks"][0].effects == (
        "new → triaged",
        "the guess Pothole becomes its category, and it goes to Streets",
        "becomes public",
    )
    bulk_step(client, "triaged", report, accepts_guess="on")
    report.refresh_from_db()
    assert (report.status, report.category_source, report.published_at) == (
        Status.TRIAGED,
        "staff",
        None,
    )
    assert (report.department, report.category_confidence) == (make_department("streets"), None)


def test_a_report_without_a_category_is_not_triaged(superuser: User) -> None:
    report = make_report(status=Status.NEW)
    assert "It has no category" in bulk_step(signed_in(superuser), "triaged", report)
    assert Report.objects.get().status == Status.NEW
    assert "1 marked as duplicate" in bulk_step(signed_in(superuser), "duplicate", report)


def test_a_report_that_changed_since_the_preview_is_left_alone(superuser: User) -> None:
    report = make_report()
    assignment.revise(Report.objects.get(), {"title": "Renamed"}, by=superuser)
    assert "changed this report meanwhile" in bulk_step(signed_in(superuser), "resolved", report)
    assert "changed this report meanwhile" in step(signed_in(superuser), report, "resolved")
    assert Report.objects.get().status == Status.TRIAGED


def test_too_many_reports_at_once_are_refused(
    superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.desk.steps.BULK_MAXIMUM", 2)
    page = preview(signed_in(superuser), "resolved", *(make_report() for _ in range(3)))
    assert "Select 2 reports at most." in page.content.decode()


def test_a_step_with_a_note_is_taken_on_the_reports_page() -> None:
    here, reporter = make_department("streets"), make_user()
    report, staff = make_report(department=here, reporter=reporter), make_staff(here)
    client = signed_in(staff)
    page = client.get(f"{LIST}{report.pk}/change/").content.decode()
    assert page.count('name="to"') == len(transitions.allowed_from(report.status))
    assert "Mark as resolved" in page
    assert "1 marked as resolved" in step(client, report, "resolved", note="Filled.")
    report.refresh_from_db()
    line = report.history.last()
    assert line is not None
    assert (report.status, line.note, line.by) == ("resolved", "Filled.", staff)
    context = {
        "report_id": str(report.pk),
        "title": "Deep hole",
        "status": "resolved",
        "note": "Filled.",
        "path": f"/reports/{report.pk}",
        "unsubscribe_path": unsubscribing.path_for_report(reporter.pk, report.pk),
        "confirm_repair": f"{report.pk}:{line.pk}",
    }
    assert_sent(
        notify_user,
        str(report.reporter_id),
        "report_status_changed",
        context,
        f"report:{report.pk}:status:{line.pk}",
    )


@pytest.mark.parametrize(
    "options", [{"to": "gone"}, {"note": "x" * 3000}, {"to": "", "seen": "x"}], ids=str
)
def test_a_step_that_cannot_be_is_refused_with_a_reason(
    superuser: User, options: dict[str, str]
) -> None:
    report = make_report()
    page = step(signed_in(superuser), report, **{"to": "resolved", **options})
    assert "errornote" in page or 'class="error"' in page
    assert report.history.count() == 1


def test_a_hidden_report_is_published_on_its_page_only_if_that_is_chosen(superuser: User) -> None:
    first, second = guessed(title="First"), guessed(title="Second")
    client = signed_in(superuser)
    assert "is a guess of 24%" in step(client, first, "in_progress", is_publishing="on")
    step(client, first, "in_progress", accepts_guess="on", is_publishing="on")
    step(client, second, "in_progress", accepts_guess="on")
    published = Report.objects.exclude(published_at=None)
    assert [report.title for report in published] == ["First"]
    assert set(Report.objects.values_list("status", flat=True)) == {"in_progress"}


def test_steps_are_taken_by_post_and_on_ones_own_reports_alone() -> None:
    here, there = make_department("streets"), make_department("parks")
    own, other = make_report(department=here), make_report(department=there)
    client = signed_in(make_staff(here))
    assert client.get(f"{LIST}{own.pk}/step/").status_code == 405
    for key in (other.pk, "x", "0" * 50):
        answer = client.post(
            f"{LIST}{key}/step/", {"to": "resolved", "seen": other.updated_at.isoformat()}
        )
        assert answer.status_code in {403, 404}
    assert Report.objects.get(pk=other.pk).status == Status.TRIAGED
