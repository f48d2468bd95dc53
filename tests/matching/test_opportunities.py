"""Opportunities, profiles and partners through the API."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from jobs.testing import assert_sent, run_tasks
from matching.actors import embed_profile
from matching.errors import ExternalIdTaken, OpportunityClosed
from matching.models import Interaction, Match, Opportunity, OpportunityVector, Profile
from matching.opportunities import publishing
from matching.partners import keys
from tests.accounts.factories import make_user
from tests.matching.conftest import AsPartner, SignIn
from tests.matching.factories import CARPENTER, DOGS, REPAIRS, make_opportunity, make_profile

pytestmark = pytest.mark.django_db
URL = "/api/v1/opportunities/"
PARTNER_URL = "/api/v1/partner/opportunities/"
NEW = {"kind": "event", "title": "Open day", "description": "Come and see."}


def titles(client: APIClient, query: str = "") -> list[str]:
    answer = client.get(f"{URL}{query}")
    assert answer.status_code == 200, answer.data
    return [one["title"] for one in answer.json()["results"]]


def test_everybody_sees_open_opportunities_newest_first() -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    make_opportunity(title="first")
    make_opportunity(title="second")
    make_opportunity(title="over", ends_on=yesterday)
    make_opportunity(title="withdrawn", is_active=False)
    assert sorted(titles(APIClient())) == ["first", "second"]
    assert sorted(titles(APIClient(), "?past=true")) == ["first", "over", "second"]


@pytest.mark.parametrize("kind", Interaction.Kind.values)
def test_what_is_withdrawn_shows_only_to_who_had_acted_on_it(as_user: SignIn, kind: str) -> None:
    opportunity = make_opportunity()
    url = f"{URL}{opportunity.pk}/"
    client, other = as_user(make_user()), as_user(make_user())
    client.post(f"{url}{kind}/")
    publishing.change(opportunity, {"is_active": False})
    for stranger in (other, APIClient()):
        assert stranger.get(url).status_code == 404
        assert titles(stranger, "?past=true") == []
    assert [other.post(f"{url}{one}/").status_code for one in Interaction.Kind.values] == [404] * 3
    assert client.get(url).json()["is_active"] is False
    assert titles(client, "?past=true") == [opportunity.title]
    assert client.delete(f"{url}{kind}/").status_code == 204
    assert client.get(url).status_code == 404


def test_a_citizen_lists_what_they_saved_or_applied_for_and_nobody_else_does(
    as_user: SignIn,
) -> None:
    saved, withdrawn, _ = (
        make_opportunity(title="saved"),
        make_opportunity(title="withdrawn"),
        make_opportunity(),
    )
    client, other = as_user(make_user()), as_user(make_user())
    client.post(f"{URL}{saved.pk}/save/")
    client.post(f"{URL}{withdrawn.pk}/save/")
    client.post(f"{URL}{saved.pk}/apply/")
    publishing.change(withdrawn, {"is_active": False})
    assert sorted(titles(client, "?acted=save")) == ["saved", "withdrawn"]
    assert titles(client, "?acted=apply") == ["saved"]
    assert titles(client, "?acted=save&q=withdrawn") == ["withdrawn"]
    assert titles(client, "?acted=dismiss") == titles(other, "?acted=save") == []
    assert APIClient().get(f"{URL}?acted=save").status_code == 401
    assert client.get(f"{URL}?acted=like").status_code == 400


def test_what_is_over_or_full_is_still_read() -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    for closed in (make_opportunity(ends_on=yesterday), make_opportunity(capacity=0)):
        assert APIClient().get(f"{URL}{closed.pk}/").status_code == 200


def test_full_text_and_filters_find_what_they_name() -> None:
    make_opportunity(**DOGS, category="Animals", latitude=40.7, longitude=-74.0)
    make_opportunity(**REPAIRS, kind="job", languages=["es"], is_remote=True)
    assert titles(APIClient(), "?q=dogs") == [DOGS["title"]]
    assert titles(APIClient(), "?q=walking+dog") == [DOGS["title"]]
    assert titles(APIClient(), "?q=dog+-shelter") == []
    assert titles(APIClient(), f"?q=dog+{'-' * 99}shelter") == []
    assert titles(APIClient(), f"?q=dog+{'-%22+' * 50}boat") == [DOGS["title"]]
    assert titles(APIClient(), "?kind=job") == [REPAIRS["title"]]
    assert titles(APIClient(), "?category=animals") == [DOGS["title"]]
    assert titles(APIClient(), "?remote=true") == [REPAIRS["title"]]
    assert titles(APIClient(), "?language=fr") == [DOGS["title"]]
    assert titles(APIClient(), "?near=40.71,-74.0&radius_km=5") == [DOGS["title"]]
    assert titles(APIClient(), "?near=41.71,-74.0&radius_km=5") == []


def test_an_event_without_an_end_is_over_after_the_day_it_starts(as_user: SignIn) -> None:
    today = timezone.localdate()
    for title, days in (("over", -1), ("today", 0), ("ahead", 1)):
        make_opportunity(title=title, kind="event", starts_on=today + timedelta(days=days))
    make_opportunity(
        title="lasts", kind="event", starts_on=today - timedelta(days=1), ends_on=today
    )
    make_opportunity(title="goes on", kind="job", starts_on=today - timedelta(days=1))
    run_tasks()
    assert sorted(titles(APIClient())) == ["ahead", "goes on", "lasts", "today"]
    client = as_user(make_user())
    task_id = client.post("/api/v1/jobs/match/", {}).json()["task_id"]
    run_tasks()
    found = client.get(f"/api/v1/jobs/match/status/{task_id}/").json()["result"]
    assert sorted(match["opportunity"]["title"] for match in found) == [
        "ahead",
        "goes on",
        "lasts",
        "today",
    ]
    over, ahead = (Opportunity.objects.get(title=title) for title in ("over", "ahead"))
    assert client.post(f"{URL}{over.pk}/apply/").status_code == 409
    assert client.post(f"{URL}{ahead.pk}/apply/").status_code == 201


def test_near_is_measured_along_the_globe_and_leaves_out_what_has_no_place() -> None:
    """A corner of the box around 60 degrees north lies 1.4 times as far away as its sides."""
    for title, latitude, longitude in (
        ("side", 60.08, 10.0),
        ("corner", 60.08, 10.16),
        ("far", 60.2, 10.0),
    ):
        make_opportunity(title=title, latitude=latitude, longitude=longitude)
    make_opportunity(title="anywhere", is_remote=True)
    make_opportunity(title="also from home", is_remote=True, latitude=60.01, longitude=10.0)
    assert sorted(titles(APIClient(), "?near=60,10&radius_km=10")) == ["also from home", "side"]
    assert len(titles(APIClient(), "?near=60,10&radius_km=13")) == 3


def test_near_crosses_the_date_line() -> None:
    make_opportunity(title="east", latitude=0.0, longitude=179.99)
    assert titles(APIClient(), "?near=0,-179.99&radius_km=3") == ["east"]
    assert titles(APIClient(), "?near=0,-179.99&radius_km=1") == []


@pytest.mark.parametrize(
    "query",
    [
        "?kind=party",
        "?near=here",
        "?near=95,0",
        "?radius_km=-1",
        "?radius_km=nan",
        "?starts_after=soon",
        "?cursor=x",
        "?q=%00",
    ],
)
def test_bad_parameters_answer_400(query: str) -> None:
    assert APIClient().get(f"{URL}{query}").status_code == 400


def test_an_application_takes_a_place_and_a_full_one_answers_409(as_user: SignIn) -> None:
    opportunity = make_opportunity(capacity=1)
    first, second = as_user(make_user()), as_user(make_user())
    assert first.post(f"{URL}{opportunity.pk}/apply/").status_code == 201
    assert second.post(f"{URL}{opportunity.pk}/apply/").status_code == 409
    assert not Interaction.objects.filter(opportunity=opportunity).count() > 1
    assert first.delete(f"{URL}{opportunity.pk}/apply/").status_code == 204
    assert second.post(f"{URL}{opportunity.pk}/apply/").status_code == 201


def test_dismissing_takes_a_match_away(as_user: SignIn) -> None:
    profile = make_profile()
    opportunity = make_opportunity(**REPAIRS)
    run_tasks()
    assert Match.objects.filter(user=profile.user).exists()
    as_user(profile.user).post(f"{URL}{opportunity.pk}/dismiss/")
    run_tasks()
    assert not Match.objects.filter(user=profile.user).exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_apply_at_once_as_many_get_in_as_there_are_places() -> None:
    opportunity = make_opportunity(capacity=2)
    users = [make_user() for _ in range(6)]
    outcomes: list[str] = []

    def apply(index: int) -> None:
        try:
            publishing.act(users[index], opportunity, "apply")
            outcomes.append("in")
        except OpportunityClosed:
            outcomes.append("full")
        finally:
            connection.close()

    threads = [threading.Thread(target=apply, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["full"] * 4 + ["in"] * 2
    assert Interaction.objects.count() == 2
    assert Opportunity.objects.get().places_taken == 2


def test_a_profile_is_empty_then_replaced_and_versioned(as_user: SignIn) -> None:
    user = make_user()
    client = as_user(user)
    assert client.get("/api/v1/profiles/me/").json()["skills"] == []
    answer = client.put(
        "/api/v1/profiles/me/", CARPENTER | {"latitude": 40.7, "longitude": -74.0, "radius_km": 5}
    )
    assert answer.status_code == 200, answer.data
    assert answer.json()["version"] == 2
    assert client.put("/api/v1/profiles/me/", {"headline": "New"}).json()["skills"] == []
    assert client.put("/api/v1/profiles/me/", {"headline": "New"}).json()["version"] == 3


def test_changes_in_a_row_are_one_task(as_user: SignIn) -> None:
    profile = make_profile()
    for number in range(4):
        as_user(profile.user).put("/api/v1/profiles/me/", {"headline": f"Take {number}"})
    assert_sent(embed_profile, str(profile.pk))


@pytest.mark.parametrize(
    "body",
    [
        {"latitude": 40.0},
        {"latitude": 91, "longitude": 0},
        {"latitude": "NaN", "longitude": 0},
        {"radius_km": 0},
        {"radius_km": "NaN"},
        {"wants": ["fame"]},
        {"skills": "carpentry"},
        {"skills": ["x" * 81]},
        {"skills": [f"skill {number}" for number in range(41)]},
        {"headline": "x" * 201},
        {"headline": 7},
        {"wants_match_notices": "no"},
        {"wants_match_notices": 0},
        {"about": "\x00"},
        {"languages": ["english!"]},
        {"visibility": "friends"},
        [],
    ],
)
def test_a_profile_that_is_not_valid_answers_400(as_user: SignIn, body: Any) -> None:
    assert as_user(make_user()).put("/api/v1/profiles/me/", body).status_code == 400
    assert not Profile.objects.filter(version__gt=1).exists()


def test_a_profile_is_taken_back_as_it_was_told(as_user: SignIn) -> None:
    client = as_user(make_profile().user)
    told = client.get("/api/v1/profiles/me/").json()
    assert client.put("/api/v1/profiles/me/", told | {"id": "of another program"}).json() == told


def test_a_partner_publishes_changes_and_withdraws_its_own(as_partner: AsPartner) -> None:
    client, other = as_partner(), as_partner("Other")
    answer = client.post(PARTNER_URL, NEW)
    assert answer.status_code == 201, answer.data
    assert answer.json()["organisation"] == "Green City"
    url = f"{PARTNER_URL}{answer.json()['id']}/"
    assert client.patch(url, {"title": "Open evening"}).json()["title"] == "Open evening"
    assert other.patch(url, {"title": "Stolen"}).status_code == 404
    assert other.get(PARTNER_URL).json()["results"] == []
    run_tasks()
    assert OpportunityVector.objects.count() == 1
    assert client.delete(url).status_code == 204
    assert titles(APIClient()) == []


def test_a_partner_sees_who_applied_and_only_the_profiles_that_are_shown_to_it(
    as_user: SignIn, as_partner: AsPartner
) -> None:
    client, other = as_partner(), as_partner("Other")
    pk = client.post(PARTNER_URL, NEW).json()["id"]
    shown = make_profile(
        make_user(email="ana@example.org", email_verified_at=timezone.now()),
        visibility="organisations",
    )
    hidden = make_profile(make_user(), visibility="private")
    saved = make_profile(make_user(), visibility="public")
    for profile, kind in ((shown, "apply"), (hidden, "apply"), (saved, "save")):
        assert as_user(profile.user).post(f"{URL}{pk}/{kind}/").status_code == 201
    applicants = client.get(f"{PARTNER_URL}{pk}/applicants/").json()["results"]
    assert [one["id"] for one in applicants] == [str(hidden.user_id), str(shown.user_id)]
    assert applicants[0]["profile"] is None
    assert applicants[1]["profile"]["email"] == "ana@example.org"
    assert applicants[1]["profile"]["skills"] == shown.skills
    assert "phone" not in applicants[1]["profile"]
    assert other.get(f"{PARTNER_URL}{pk}/applicants/").status_code == 404


def test_an_external_id_is_published_once(as_partner: AsPartner) -> None:
    client = as_partner()
    assert client.post(PARTNER_URL, NEW | {"external_id": "7"}).status_code == 201
    again = client.post(PARTNER_URL, NEW | {"external_id": "7", "title": "Moved"})
    assert (again.status_code, again.json()["title"]) == (200, "Moved")
    assert Opportunity.objects.count() == 1


def test_a_revoked_or_unknown_key_and_a_citizen_are_refused(as_user: SignIn) -> None:
    partner = keys.partner_named("Green City")
    key = keys.create_key(partner)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    assert client.get(PARTNER_URL).status_code == 200
    assert keys.revoke_key(partner.keys.get())
    assert not keys.revoke_key(partner.keys.get())
    assert client.get(PARTNER_URL).status_code == 401
    assert APIClient().get(PARTNER_URL).status_code == 401
    assert as_user(make_user()).post(PARTNER_URL, NEW).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "party", "title": "x"},
        NEW | {"latitude": 5},
        NEW | {"starts_on": "2030-02-01", "ends_on": "2030-01-01"},
        NEW | {"capacity": -1},
        NEW | {"title": "x" * 301},
        NEW | {"is_remote": "yes"},
        NEW | {"is_active": 1},
    ],
)
def test_a_partner_body_that_is_not_valid_answers_400(
    as_partner: AsPartner, body: dict[str, Any]
) -> None:
    assert as_partner().post(PARTNER_URL, body).status_code == 400


def test_a_date_that_does_not_go_with_the_stored_one_answers_400(as_partner: AsPartner) -> None:
    client = as_partner()
    stored = client.post(PARTNER_URL, NEW | {"external_id": "7", "starts_on": "2030-02-01"}).json()
    again = client.post(PARTNER_URL, NEW | {"external_id": "7", "ends_on": "2030-01-01"})
    patched = client.patch(f"{PARTNER_URL}{stored['id']}/", {"ends_on": "2030-01-01"})
    for answer in (again, patched):
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["ends_on"]
    assert Opportunity.objects.get().ends_on is None


def test_an_external_id_that_another_one_has_answers_409(as_partner: AsPartner) -> None:
    client = as_partner()
    client.post(PARTNER_URL, NEW | {"external_id": "7"})
    other = client.post(PARTNER_URL, NEW | {"external_id": "8"}).json()
    url = f"{PARTNER_URL}{other['id']}/"
    assert client.patch(url, {"external_id": "7"}).status_code == 409
    assert client.patch(url, {"external_id": "8", "title": "Same"}).status_code == 200
    assert client.patch(url, {"external_id": "9"}).json()["external_id"] == "9"
    assert as_partner("Other").post(PARTNER_URL, NEW | {"external_id": "7"}).status_code == 201


def test_an_external_id_is_looked_for_in_the_source_that_a_change_names() -> None:
    make_opportunity(source="a", external_id="7")
    changed = make_opportunity(source="a", external_id="8")
    publishing.change(changed, {"source": "b", "external_id": "7"})
    with pytest.raises(ExternalIdTaken):
        publishing.change(changed, {"source": "a"})


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_the_later_is_judged_by_what_the_earlier_left() -> None:
    opportunity = make_opportunity(starts_on=date(2030, 2, 1))
    seen_by_both = Opportunity.objects.defer("search").get()
    publishing.change(opportunity, {"starts_on": date(2030, 3, 1)})
    with pytest.raises(ValidationError):
        publishing.change(seen_by_both, {"ends_on": date(2030, 2, 15)})


def test_an_organisation_is_the_partners_own(as_partner: AsPartner) -> None:
    client = as_partner()
    stored = client.post(
        PARTNER_URL, NEW | {"external_id": "7", "organisation": "City Hall"}
    ).json()
    assert stored["organisation"] == "Green City"
    for answer in (
        client.post(PARTNER_URL, NEW | {"external_id": "7", "organisation": "City Hall"}),
        client.patch(f"{PARTNER_URL}{stored['id']}/", {"organisation": "City Hall"}),
    ):
        assert (answer.status_code, answer.json()["organisation"]) == (200, "Green City")


def test_a_repeated_post_of_a_partner_publishes_once(as_partner: AsPartner) -> None:
    client = as_partner()
    first, second = (
        client.post(PARTNER_URL, NEW, headers={"Idempotency-Key": "one"}) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert Opportunity.objects.count() == 1
