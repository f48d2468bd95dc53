"""What is read from files of other systems, whatever their syntax, encoding and faults."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from imports.errors import ImportFileError
from imports.reading.records import EXCERPT_CHARACTERS, Record
from imports.reading.surveys import reading, survey

pytestmark = pytest.mark.slow

ROWS = [{"id": "1", "title": "Hole"}, {"id": "2", "title": "Lamp"}]


def read(tmp_path: Path, content: bytes, encoding: str = "") -> tuple[str, list[Record]]:
    """How the file was read, and its records."""
    path = tmp_path / "file"
    path.write_bytes(content)
    surveyed = survey(path, encoding=encoding)
    with reading(surveyed) as (records, _):
        return str(surveyed), list(records)


def values(records: list[Record]) -> list[Any]:
    return [record.values for record in records if not record.fault]


def faults(records: list[Record]) -> list[str]:
    return [record.fault for record in records if record.fault]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("id,title\n1,Hole\n2,Lamp\n", "CSV with commas"),
        ('"id", "title"\r\n"1", "Hole"\r\n"2", "Lamp"', "CSV with commas"),
        ("ID;Title\r\n1;Hole\r\n2;Lamp\r\n", "CSV with semicolons"),
        ("sep=;\nId;TITLE\n1;Hole\n2;Lamp\n", "CSV with semicolons"),
        ("id\ttitle\n1\tHole\n2\tLamp\n", "CSV with tabs"),
        ("id|title\r1|Hole\r2|Lamp\r", "CSV with bars"),
        ("\n\nid,title\n\n1,Hole\n2,Lamp,\n", "CSV with commas"),
        (json.dumps(ROWS), "JSON"),
        (json.dumps(ROWS, indent=2), "JSON"),
        ("\n".join(map(json.dumps, ROWS)), "JSON"),
        (json.dumps({"service_requests": ROWS, "count": 2}), "JSON"),
        (json.dumps({"meta": {"requests": [{}]}, "requests": ROWS}, indent=1), "JSON"),
        ('{"ID": "1", "Title": "Hole"}\r\n\r\n{"id": "2", "title": "Lamp"}', "JSON"),
        (
            (
                '<?xml version="1.0" encoding="utf-8"?><service_requests><request><id>1</id>'
                "<title>Hole</title></request>\n<request><id>2</id><title>La<![CDATA[mp]]></title>"
                "</request></service_requests>"
            ),
            "XML",
        ),
    ],
)
@pytest.mark.parametrize("is_compressed", [False, True])
def test_the_same_rows_are_read_from_every_syntax(
    tmp_path: Path, text: str, kind: str, is_compressed: bool
) -> None:
    content = gzip.compress(text.encode()) if is_compressed else text.encode()
    assert read(tmp_path, content) == (
        f"{kind} in utf-8",
        [
            Record(row, line=record.line)
            for row, record in zip(ROWS, _records(tmp_path), strict=True)
        ],
    )


def _records(tmp_path: Path) -> list[Record]:
    with reading(survey(tmp_path / "file")) as (records, _):
        return list(records)


def test_points_of_geojson_are_places(tmp_path: Path) -> None:
    def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
        return {"type": "Feature", "id": 7, "geometry": geometry, "properties": properties}

    point = {"type": "Point", "coordinates": [-72.9, 41.3, 12]}
    line = {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    collection = {
        "type": "FeatureCollection",
        "crs": {"properties": {"name": "x"}},
        "features": [feature(point, title="Hole"), feature(line), feature(None, title="Lamp")],
    }
    _, records = read(tmp_path, json.dumps(collection).encode())
    assert values(records) == [
        {"id": 7, "title": "Hole", "longitude": -72.9, "latitude": 41.3},
        {"id": 7, "title": "Lamp"},
    ]
    assert faults(records) == ["its geometry is not a point"]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252 (guessed; --encoding names another)"),
    ],
)
def test_an_encoding_is_detected_and_named(tmp_path: Path, encoding: str, name: str) -> None:
    rows = [f"{number};Straße beschädigt, Brücke über die Fulda" for number in range(20)]
    kind, records = read(tmp_path, "\n".join(["id;title", *rows]).encode(encoding))
    assert kind == f"CSV with semicolons in {name}"
    assert [row["title"] for row in values(records)] == [rows[0][2:]] * 20


def test_cyrillic_is_detected_too(tmp_path: Path) -> None:
    rows = [
        f"{n},Яма на дороге рядом с домом, фонарь не работает".replace(", ", " ") for n in range(9)
    ]
    kind, records = read(tmp_path, "\n".join(["id,title", *rows]).encode("cp1251"))
    assert kind.startswith("CSV with commas in cp1251")
    assert values(records)[0]["title"] == rows[0][2:]


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("cp1252", "Ö"),
        ("cp1252", "señal caída"),
        ("cp1252", "Nid-de-poule devant l’école, à réparer"),
        ("cp1252", "Buraco na calçada, iluminação não funciona"),
        ("cp1252", "La strada è bloccata perché c’è un albero"),
        ("cp1252", "Hullet på Østergade"),
        ("cp1252", "¿Dónde? A 5 m² del nº 3 «aquí» – 20 °C, £5"),
        ("cp1250", "Żarówka nie świeci przy ulicy Łąkowej"),
        ("cp1250", "Příliš žluťoučký kůň"),
        ("cp1251", "Яма на дороге"),
        ("cp1254", "Sokakta çukur var, çöp toplanmıyor, ışık yanmıyor"),
    ],
)
def test_a_short_file_is_western_unless_that_makes_no_sense(
    tmp_path: Path, encoding: str, title: str
) -> None:
    kind, records = read(tmp_path, f"id;title\n1;{title}\n".encode(encoding))
    assert values(records)[0]["title"] == title
    assert kind == f"CSV with semicolons in {encoding} (guessed; --encoding names another)"


def test_a_named_encoding_is_taken(tmp_path: Path) -> None:
    kind, records = read(tmp_path, "id,title\n1,Straße\n".encode("cp850"), "cp850")
    assert kind == "CSV with commas in cp850"
    assert values(records) == [{"id": "1", "title": "Straße"}]


@pytest.mark.parametrize(
    "content",
    [
        b"id,title\n1,Stra\xc3\x9fe\n2,Stra\xdfe\n3,Br\xc3\xbccke\n",
        (
            b'{"id":"1","title":"Stra\xc3\x9fe"}\n{"id":"2","title":"\xdf"}\n'
            b'{"id":"3","title":"Br\xc3\xbccke"}'
        ),
    ],
)
def test_what_is_mostly_utf_8_loses_only_the_rows_that_are_not(
    tmp_path: Path, content: bytes
) -> None:
    _, records = read(tmp_path, content)
    assert [row["title"] for row in values(records)] == ["Straße", "Brücke"]
    assert faults(records) == ["not valid in the file's encoding"]


@pytest.mark.parametrize("quote", ['"', 'a "quote"', '"never closed', '"closed" badly'])
def test_a_stray_quote_costs_no_other_row(tmp_path: Path, quote: str) -> None:
    """Among them rows with quotes of their own, which close the stray one at the wrong place."""
    others = [f'{n},"Lamp {n}, dark"' for n in range(400)]
    _, records = read(tmp_path, "\n".join(["id,title", f"x,{quote}", *others]).encode())
    titles = [row["title"] for row in values(records)]
    assert len(records) == 401
    assert titles[-400:] == [f"Lamp {n}, dark" for n in range(400)]


def test_a_quoted_text_of_several_lines_is_one_row(tmp_path: Path) -> None:
    _, records = read(tmp_path, b'id,title\n1,"a\nb, ""c"""\n2,d\n')
    assert [(one.values["title"], one.line) for one in records] == [('a\nb, "c"', 2), ("d", 4)]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("1", "1 cells instead of 2"),
        ("1,2,3", "3 cells instead of 2"),
        ("1," + "x" * 200_000, "not readable as CSV: field larger than field limit (131072)"),
        ("1" * 3_000_000, "not readable as CSV: longer than a million characters"),
        ("1," * 3_000_000, "not readable as CSV: longer than a million characters"),
    ],
    ids=lambda value: value[:20],
)
def test_a_row_of_another_shape_is_a_fault(tmp_path: Path, row: str, fault: str) -> None:
    _, records = read(tmp_path, f"id,title\n{row}\n2,Lamp\n".encode())
    assert faults(records) == [fault]
    assert values(records) == [{"id": "2", "title": "Lamp"}]


@pytest.mark.parametrize(
    ("element", "fault"),
    [
        ('{"id": 1, "id": 2}', "not readable as JSON: an object repeats the name id"),
        ('{"id": 1, "x": {"a": 1, "a": 1}}', "not readable as JSON: an object repeats the name a"),
        ('{"id": 1, "ID": 2}', "several names are read as id"),
        ('{"id": tru}', "not readable as JSON: Expecting value: line 1 column 8 (char 7)"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "not readable as JSON"),
    ],
    ids=lambda value: value[:20],
)
@pytest.mark.parametrize("as_lines", [False, True])
def test_an_object_that_is_no_row_is_a_fault(
    tmp_path: Path, element: str, fault: str, as_lines: bool
) -> None:
    rows = ['{"id": 0}', element, '{"id": 2}']
    text = "\n".join(rows) if as_lines else f"[{', '.join(rows)}]"
    _, records = read(tmp_path, text.encode())
    assert [one.startswith(fault) for one in faults(records)] == [True]
    assert values(records) == [{"id": 0}, {"id": 2}]


@pytest.mark.parametrize(
    ("inside", "fault"),
    [
        ("<id>1</id><id>2</id>", "the element id is repeated"),
        ("<id>1</id><a><b>2</b></a>", "the element a has elements inside"),
        (f"<id>{'x' * 1_500_000}</id>", "longer than a million characters"),
    ],
    ids=lambda value: value[:20],
)
def test_an_element_that_is_no_row_is_a_fault(tmp_path: Path, inside: str, fault: str) -> None:
    text = f"<requests><r>{inside}</r><r><id>2</id></r></requests>"
    _, records = read(tmp_path, text.encode())
    assert (faults(records), values(records)) == ([fault], [{"id": "2"}])


def test_xml_that_breaks_off_says_what_is_lost(tmp_path: Path) -> None:
    _, records = read(tmp_path, b"<requests><r><id>1</id></r><r><id>2</id></x>")
    assert values(records) == [{"id": "1"}]
    [fault] = faults(records)
    assert fault.startswith("not readable as XML from here to the end")


@pytest.mark.parametrize(
    "entities",
    ['<!DOCTYPE a [<!ENTITY a "b">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">'],
)
def test_no_entity_is_expanded(tmp_path: Path, entities: str) -> None:
    with pytest.raises(ImportFileError, match="document type"):
        read(tmp_path, f"{entities}<a><b><c>&a;</c></b></a>".encode())


def test_a_file_that_becomes_too_large_is_refused(tmp_path: Path, settings: Any) -> None:
    settings.IMPORT_DECOMPRESSED_MAX_BYTES = 1_000_000
    with pytest.raises(ImportFileError, match="larger than 1,000,000 bytes when decompressed"):
        read(tmp_path, gzip.compress(b"id,title\n" + b"0" * 1_100_000))


def test_a_damaged_archive_is_refused_before_a_row_is_read(tmp_path: Path) -> None:
    whole = gzip.compress(b"id,title\n" + b"1,Hole\n" * 100_000)
    with pytest.raises(ImportFileError, match="damaged"):
        read(tmp_path, whole[:-20])


@pytest.mark.parametrize(
    ("begin", "unit"),
    [
        (b"id,title\n1,", b"x" * 1000),
        (b"id,title\n", b"1," * 500),
        (b'id,title\n1,"', b"x," * 500),
        (b'{"id": "1", "title": "Hole"}\n{"id": "', b"x" * 1000),
        (b'[{"id": "', b"x" * 1000),
        (b"[", b"1" * 1000),
        (b"<a><b><c>", b"x" * 1000),
        (b"<a><b><c x='", b"x" * 1000),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_memory_does_not_grow_with_a_line(tmp_path: Path, begin: bytes, unit: bytes) -> None:
    """A line of 32 MB costs no more than the longest record that is read."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(begin)
        for _ in range(32):
            file.write(unit * 1000)
    tracemalloc.start()
    try:
        with reading(survey(path)) as (records, _):
            read_records = [record.fault for record in records]
    except ImportFileError as error:
        read_records = [str(error)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read_records[-1]
    assert peak < 30_000_000


def test_an_excerpt_of_an_unreadable_record_is_short(tmp_path: Path) -> None:
    _, records = read(tmp_path, b'[{"id": 1}, "' + b"x" * 3_000_000 + b'", {"id": 2}]')
    [record] = [one for one in records if one.fault]
    assert len(record.values["record"]) == EXCERPT_CHARACTERS
