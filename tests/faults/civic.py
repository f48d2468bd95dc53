"""Photos, merges and reopenings while the system breaks, and what must hold of them afterwards."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from PIL import Image

#: Sends to a path a body, or a photo; returns the answer's status and its JSON.
Send = Callable[..., tuple[int, Any]]
CATEGORY = "fault_lamp"
FILES_A_PHOTO = 4
OK, ACCEPTED = 200, 202
UNKNOWN = 500  # from this status on nobody knows what was done


@dataclass
class CivicPromises:
    """What was answered: photos taken, steps taken, and which reports are merged.

    `doubtful` are the reports of requests without an answer: whether those were carried out is not
    known.
    """

    photos: set[str] = field(default_factory=set)
    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    merged: dict[str, bool] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """Return how many of each kind were promised."""
        reopened = sum(count for (_, step), count in self.steps.items() if step == "reopen")
        undone = sum(not is_merged for is_merged in self.merged.values())
        return {
            "photos": len(self.photos),
            "reopenings": reopened,
            "merges": len(self.merged),
            "merges undone": undone,
        }


class CivicLife:
    """Citizens and staff, who take each report once: for a photo, a reopening or a merge."""

    def __init__(self, send: Send, *, staff: str, promises: CivicPromises) -> None:
        self._send = send
        self._staff = staff
        self._promises = promises

    def live(self, dice: random.Random, reports: list[str]) -> None:
        """Do something with reports of this thread's own; those that are used up are taken out."""
        if len(reports) > 1 and dice.random() < 0.5:
            self._merge(reports.pop(), reports.pop(), undoes=dice.random() < 0.5)
        elif dice.random() < 0.3:
            self._add_photo(reports.pop(), dice)
        else:
            self._reopen(reports.pop())

    def _add_photo(self, report: str, dice: random.Random) -> None:
        colour = tuple(dice.randrange(256) for _ in range(3))
        buffer = BytesIO()
        Image.new("RGB", (320, 240), colour).save(buffer, "JPEG")
        path = f"/api/v1/reports/{report}/photos/"
        status, answer = self._send(path, {}, self._staff, photo=buffer.getvalue())
        if status == ACCEPTED:
            self._promises.photos.add(answer["id"])

    def _reopen(self, report: str) -> None:
        if self._step(report, {"step": "resolve", "category": CATEGORY}):
            self._step(report, {"step": "reopen", "note": "It is dark again."})

    def _step(self, report: str, body: dict[str, str]) -> bool:
        is_taken = self._decide(report, "steps", body)
        self._promises.steps[report, body["step"]] += is_taken
        return is_taken

    def _merge(self, duplicate: str, original: str, *, undoes: bool) -> None:
        other = {"other": original}
        if self._decide(duplicate, "merge", other):
            self._promises.merged[duplicate] = True
            if undoes and self._decide(duplicate, "undo-duplicate", other):
                self._promises.merged[duplicate] = False

    def _decide(self, report: str, path: str, body: dict[str, str]) -> bool:
        """Ask as staff; return whether it was done. A report without a clear answer is doubtful."""
        self._promises.doubtful.add(report)
        status, _ = self._send(f"/api/v1/reports/{report}/{path}/", body, self._staff)
        if status < UNKNOWN:
            self._promises.doubtful.discard(report)
        return status == OK


#: Lines of histories that do not begin where the line before ended.
_BROKEN_HISTORIES: LiteralString = """
    SELECT report_id, id FROM (
        SELECT report_id, id, from_status, lag(to_status) OVER line AS earlier
        FROM reports_statuschange WINDOW line AS (PARTITION BY report_id ORDER BY at, id)
    ) AS lines WHERE earlier IS NOT NULL AND earlier <> from_status
"""
_WRONG_STATUSES: LiteralString = """
    SELECT report.id, report.status, last.to_status FROM reports_report AS report
    CROSS JOIN LATERAL (
        SELECT to_status FROM reports_statuschange WHERE report_id = report.id
        ORDER BY at DESC, id DESC LIMIT 1
    ) AS last WHERE last.to_status <> report.status
"""
_WRONG_MERGES: LiteralString = """
    SELECT report.id, report.status, count(merged.id) FROM reports_report AS report
    LEFT JOIN reports_merge AS merged ON merged.duplicate_id = report.id
        AND merged.undone_at IS NULL
    GROUP BY report.id HAVING count(merged.id) <> (report.status = 'duplicate')::int
"""
_UNHEARD_STEPS: LiteralString = """
    SELECT line.report_id, line.step FROM reports_statuschange AS line
    JOIN reports_report AS report ON report.id = line.report_id
    WHERE line.step IN ('resolve', 'reopen', 'merge', 'separate')
        AND report.reporter_id IS NOT NULL
        AND NOT EXISTS (  -- what is undone before it was told is never told
            SELECT FROM reports_statuschange AS undoing WHERE undoing.undoes_id = line.id)
        AND NOT EXISTS (
            SELECT FROM notifications_delivery AS delivery
            WHERE delivery.event_key LIKE 'report:' || report.id || ':status:' || line.id || '%')
"""
_UNAUDITED_STEPS: LiteralString = """
    SELECT line.report_id, count(*), (
        SELECT count(*) FROM accounts_auditevent AS event
        WHERE event.event IN ('report.status_changed', 'report.step_undone')
            AND event.subject = 'report:' || line.report_id)
    FROM reports_statuschange AS line WHERE line.by_id IS NOT NULL AND line.step <> ''
    GROUP BY line.report_id HAVING count(*) <> (
        SELECT count(*) FROM accounts_auditevent AS event
        WHERE event.event IN ('report.status_changed', 'report.step_undone')
            AND event.subject = 'report:' || line.report_id)
"""
Note = Callable[[str, Iterable[object]], int]


def judge(
    connection: psycopg.Connection[Any], promises: CivicPromises, photos: Path, note: Note
) -> None:
    """Compare what was promised with what is stored; `note` takes each kind of breach, with cases.

    `photos` is the folder of the photos' files.
    """
    _judge_photos(connection, promises, photos, note)
    _judge_steps(connection, promises, note)
    _judge_merges(connection, promises, note)
    for what, sql in (
        ("lines of a history that do not follow each other", _BROKEN_HISTORIES),
        ("reports whose status is not their history's", _WRONG_STATUSES),
        ("steps of which the reporter did not hear", _UNHEARD_STEPS),
        ("reports whose steps and audit log differ", _UNAUDITED_STEPS),
    ):
        note(what, connection.execute(sql).fetchall())


def _judge_photos(
    connection: psycopg.Connection[Any], promises: CivicPromises, photos: Path, note: Note
) -> None:
    rows = connection.execute("""
        SELECT photo.id::text, photo.state, count(file.id) FROM reports_photo AS photo
        LEFT JOIN reports_photofile AS file ON file.photo_id = photo.id GROUP BY photo.id
    """).fetchall()
    note("photos answered 202 that vanished", promises.photos - {row[0] for row in rows})
    note("photos that are not ready", [row for row in rows if row[1] != "ready"])
    note(
        "photos without their files, or with more",
        [row for row in rows if row[1] == "ready" and row[2] != FILES_A_PHOTO],
    )
    named = connection.execute("SELECT name, photo_id IS NOT NULL FROM reports_photofile")
    names = dict(named.fetchall())
    stored = {str(path.relative_to(photos)) for path in photos.rglob("*") if path.is_file()}
    note("files of photos without a row", stored - names.keys())
    note("photos whose file is gone", {name for name, is_used in names.items() if is_used} - stored)


def _judge_steps(connection: psycopg.Connection[Any], promises: CivicPromises, note: Note) -> None:
    """Check that each step is there once, or as its answer was lost, once at most."""
    rows = connection.execute("""
        SELECT report_id::text, step, count(*) FROM reports_statuschange
        WHERE step IN ('resolve', 'reopen') GROUP BY 1, 2
    """).fetchall()
    taken = {(report, step): count for report, step, count in rows}
    note("steps answered 200 that vanished", +promises.steps - Counter(taken))
    note("steps that were taken twice", [case for case, count in taken.items() if count > 1])


def _judge_merges(connection: psycopg.Connection[Any], promises: CivicPromises, note: Note) -> None:
    note(
        "reports whose status and merge differ",
        connection.execute(_WRONG_MERGES).fetchall(),
    )
    rows = connection.execute(
        "SELECT duplicate_id::text FROM reports_merge WHERE undone_at IS NULL"
    )
    standing = {duplicate for (duplicate,) in rows}
    note(
        "merges or their undoing that vanished",
        [
            duplicate
            for duplicate, is_merged in promises.merged.items()
            if duplicate not in promises.doubtful and is_merged != (duplicate in standing)
        ],
    )
