"""Languages are stored as tags, however they are spelt and whichever way they come in."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from imports.errors import RowRejected
from imports.importers import ImportFile
from imports.reading.records import Record
from imports.rows import Row
from jobs.testing import run_tasks
from matching.errors import LanguageUnknown
from matching.importing import OpportunityImporter
from matching.models import Opportunity, Profile
from matching.text.languages import tags_of
from tests.accounts.factories import make_user
from tests.matching.conftest import AsPartner, SignIn
from tests.matching.factories import make_opportunity, make_profile
from tests.matching.importing import import_opportunities
from tests.matching.runs import run, titles

NEW = {"kind": "event", "title": "Open day"}
ROW = {"external_id": "1", "kind": "job", "title": "Cook"}


@pytest.mark.parametrize(
    ("told", "tags"),
    [
        (["EN; es"], ["en", "es"]),
        (["Español", "ESPAÑOL", "Spanish", "es"], ["es"]),
        (["English, French / Haitian  Creole"], ["en", "fr", "ht"]),
        (["हिन्दी", "हिंदी", "Hindi"], ["hi"]),
        (["pt_BR", "en-US"], ["pt-br", "pt", "en-us", "en"]),
        (["en", "en-GB"], ["en", "en-gb"]),
        (["", " ; "], []),
        (["Mandarin|Cantonese"], ["zh", "yue"]),
    ],
)
def test_every_spelling_has_one_tag(told: list[str], tags: list[str]) -> None:
    assert tags_of(told) == tags


@pytest.mark.parametrize("told", ["english!", "Klingon speakers", "x", "e" * 200])
def test_what_names_no_language_is_refused(told: str) -> None:
    with pytest.raises(LanguageUnknown):
        tags_of([told])


@pytest.mark.django_db
def test_profile_partner_and_filter_know_the_same_names(
    as_user: SignIn, as_partner: AsPartner
) -> None:
    client = as_user(make_user())
    assert client.put("/api/v1/profiles/me/", {"languages": ["Español", "EN"]}).json()[
        "languages"
    ] == ["es", "en"]
    assert (
        client.put("/api/v1/profiles/me/", {"languages": ["Klingon speakers"]}).status_code == 400
    )
    told = NEW | {"languages": ["Spanish"]}
    assert as_partner().post("/api/v1/partner/opportunities/", told).json()["languages"] == ["es"]
    assert len(client.get("/api/v1/opportunities/?language=Español").json()["results"]) == 1
    assert client.get("/api/v1/opportunities/?language=fr").json()["results"] == []
    assert client.get("/api/v1/opportunities/?language=!").status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("spoken", "asked_for"), [("en-US", "en"), ("en", "en-US"), ("en-US", "en-GB")]
)
def test_who_speaks_a_language_of_one_region_speaks_the_language(
    as_user: SignIn, as_partner: AsPartner, spoken: str, asked_for: str
) -> None:
    client = as_user(make_user())
    client.put("/api/v1/profiles/me/", {"languages": [spoken]})
    as_partner().post("/api/v1/partner/opportunities/", NEW | {"languages": [asked_for]})
    run_tasks()
    assert (
        titles(run(client))
        == titles(run(client, filters={"languages": [spoken]}))
        == [NEW["title"]]
    )
    assert len(client.get("/api/v1/matches/").json()["results"]) == 1
    assert len(client.get(f"/api/v1/opportunities/?language={spoken}").json()["results"]) == 1


@pytest.mark.django_db
def test_an_import_stores_tags_and_keeps_rows_of_unknown_languages_apart(tmp_path: Path) -> None:
    rows = [
        ROW | {"languages": "EN; Español"},
        ROW | {"external_id": "2", "languages": ["Klingon speakers"]},
    ]
    file, rejects = tmp_path / "rows.jsonl", tmp_path / "rejects.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    counts = import_opportunities(file, source="test", rejects=rejects)
    assert (counts.created, counts.rejected) == (1, 1)
    assert Opportunity.objects.get().languages == ["en", "es"]
    assert "Klingon" in json.loads(rejects.read_text())["reason"]


@pytest.mark.django_db
def test_what_was_stored_before_there_were_tags_becomes_tags_where_it_is_known() -> None:
    made = [
        make_opportunity(languages=told)
        for told in (["EN", "Español"], ["en; es", "es"], ["Klingon 1"], [], ["en"])
    ]
    profile = make_profile(languages=["English"])
    import_module("matching.migrations.0009_language_tags").normalise(apps, None)
    stored = dict(Opportunity.objects.values_list("pk", "languages"))
    assert [stored[one.pk] for one in made] == [
        ["en", "es"],
        ["en", "es"],
        ["Klingon 1"],
        [],
        ["en"],
    ]
    assert Profile.objects.get(pk=profile.pk).languages == ["en"]


def read_row(values: dict[str, Any]) -> Opportunity:
    """The opportunity that a row says, not stored."""
    file = ImportFile(path=Path("rows.jsonl"), source="test")
    columns = {name: name for name in OpportunityImporter.fields}
    return OpportunityImporter(file).read(Row(Record(values), columns, file.times()))


@pytest.mark.parametrize("capacity", [3.7, "3.5", "3,5", -1, True, "٣", 2**31, "many", []])
def test_a_capacity_with_a_fraction_or_none_at_all_is_refused(capacity: Any) -> None:
    with pytest.raises(RowRejected):
        read_row(ROW | {"capacity": capacity})


@pytest.mark.parametrize(
    ("capacity", "read"), [(3, 3), ("3", 3), (3.0, 3), ("", None), (None, None), (0, 0)]
)
def test_a_capacity_is_read(capacity: Any, read: int | None) -> None:
    assert read_row(ROW | {"capacity": capacity}).capacity == read


@pytest.mark.parametrize(
    ("told", "is_active"), [(None, True), ("", True), (False, False), ("no", False), ("Yes", True)]
)
def test_what_says_nothing_of_being_active_is_active(told: Any, is_active: bool) -> None:
    assert read_row(ROW | {"is_active": told}).is_active == is_active
    assert read_row(ROW).is_active


def test_a_flag_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(RowRejected):
        read_row(ROW | {"is_active": "perhaps"})
