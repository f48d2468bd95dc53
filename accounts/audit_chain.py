"""The hash chain over the audit log, which reveals edited, removed, added or reordered events.

Events are chained in batches, some time after they were written, so that writing one costs nothing
more. A seal holds the ids and digests of its events and the hash of the seal before it. The newest
hash, the head, is kept outside the database as well, or whoever owns the database could cut the
tail or compute the whole chain anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from accounts.models import AuditEvent, AuditSeal
from jobs.ledger.database import lock, now

log = structlog.get_logger(__name__)

BATCH_EVENTS = 10_000
#: One run takes at most so many batches, so that its transaction stays short.
RUN_BATCHES = 5
#: An event committed after newer ones were sealed gets its seal too, if it is at most so late.
LATE_BY = timedelta(days=1)
DIGEST_BYTES = 32
GENESIS = bytes(DIGEST_BYTES)
BACKDATED = "event backdated"

#: SHA-256 over one JSON array of the event's columns; times as seconds, so that no session setting
#: changes the bytes.
#: The client stands last and only where it is known, so that older rows keep their digest.
_DIGEST = """sha256(convert_to((jsonb_build_array(
    id, event, actor_id, subject, data, request_id, extract(epoch FROM created_at))
    || CASE WHEN ip_address IS NULL AND user_agent = '' THEN '[]'::jsonb
            ELSE jsonb_build_array(host(ip_address), user_agent) END)::text, 'UTF8'))"""
_UNSEALED = f"""
    SELECT event.id, {_DIGEST} FROM accounts_auditevent AS event
    LEFT JOIN (SELECT unnest(event_ids) AS sealed_id FROM accounts_auditseal
        WHERE last_event_id > %s) AS sealed
        ON sealed_id = event.id
    WHERE event.id > %s AND sealed_id IS NULL ORDER BY event.id LIMIT %s
"""  # noqa: S608 - no value in it
_DIGESTS = f"SELECT id, {_DIGEST}, created_at FROM accounts_auditevent WHERE id = ANY(%s)"  # noqa: S608 - no value in it
_BACKDATED = """
    SELECT event.id FROM accounts_auditevent AS event
    LEFT JOIN (SELECT unnest(event_ids) AS sealed_id FROM accounts_auditseal) AS sealed
        ON sealed_id = event.id
    WHERE sealed_id IS NULL AND created_at < %s ORDER BY event.id LIMIT 1
"""
_WITHOUT_SEAL = """
    SELECT count(*), min(id) FILTER (WHERE id <= %s) FROM accounts_auditevent AS event
    LEFT JOIN (SELECT unnest(event_ids) AS sealed_id FROM accounts_auditseal) AS sealed
        ON sealed_id = event.id
    WHERE sealed_id IS NULL
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The number of the newest seal and its hash in hexadecimal, which covers the whole chain."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """A break of the chain: the seal, the event (None: the seal itself) and what is wrong."""

    sequence: int
    event_id: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification: how much was compared, and the first break in chain order."""

    seals: int
    events: int
    unsealed: int
    heads: int
    broken: Break | None


def seal() -> int:
    """Seal the events that no seal holds; return how many events were sealed.

    At most RUN_BATCHES batches are sealed. Call it inside a transaction. Calls at the same time
    wait for each other, so that each event is in exactly one seal.
    """
    lock(
        "accounts.audit_chain"
    )  # a statement of its own: the next one sees what the lock's last holder committed
    count = 0
    for _ in range(RUN_BATCHES):
        count += (sealed := _seal_batch())
        if sealed < BATCH_EVENTS:
            break
    return count


def _seal_batch() -> int:
    floor = _floor()
    with connection.cursor() as cursor:
        cursor.execute(_UNSEALED, (floor, floor, BATCH_EVENTS))
        rows = [(event_id, bytes(digest)) for event_id, digest in cursor.fetchall()]
    if not rows:
        return 0
    last = AuditSeal.objects.order_by("-sequence").first()
    new = AuditSeal(
        sequence=last.sequence + 1 if last else 1,
        event_ids=[event_id for event_id, _ in rows],
        digests=b"".join(digest for _, digest in rows),
        first_event_id=rows[0][0],
        last_event_id=rows[-1][0],
        previous_hash=bytes(last.hash) if last else GENESIS,
        sealed_at=now(),
    )
    new.hash = hash_of(new)
    new.save(force_insert=True)
    return len(rows)


def _floor() -> int:
    """Return the id up to which no event is sealed any more.

    An unsealed event below it was inserted later, behind the chain.
    """
    settled = AuditSeal.objects.filter(sealed_at__lt=Now() - LATE_BY)
    return settled.order_by("-last_event_id").values_list("last_event_id", flat=True).first() or 0


def hash_of(seal: AuditSeal) -> bytes:
    """Return the SHA-256 over all fields of a seal, and so over all seals before it."""
    facts = [seal.sequence, seal.sealed_at.astimezone(UTC).isoformat(), seal.event_ids]
    return hashlib.sha256(
        bytes(seal.previous_hash) + bytes(seal.digests) + json.dumps(facts).encode()
    ).digest()


def head() -> Head | None:
    """Return the head of the chain; None before the first seal."""
    last = AuditSeal.objects.order_by("-sequence").first()
    return Head(last.sequence, bytes(last.hash).hex()) if last else None


def export_head() -> Head | None:
    """Write a new head to the log and as a line of the head file; return the head."""
    newest, path = head(), head_file()
    if newest is None or newest in read_heads(path):
        return newest
    log.info("audit_head", sequence=newest.sequence, hash=newest.hash)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(newest) | {"exported_at": now().isoformat()}) + "\n")
    return newest


def head_file() -> Path:
    """Return the path of the file to which heads are exported."""
    return Path(settings.AUDIT_HEAD_FILE or settings.DATA_DIR / "audit-head.jsonl")


def read_heads(path: Path) -> list[Head]:
    """Return the heads in a file, oldest first; none where there is no file.

    Raises:
        ValueError: a line is no head.
    """
    if not path.exists():
        return []
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [Head(int(line["sequence"]), str(line["hash"])) for line in lines]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a file of heads: {error}") from error


def verify(heads: Iterable[Head] = ()) -> Verdict:
    """Recompute every digest and hash, and compare the chain with heads exported earlier."""
    expected = {exported.sequence: exported.hash for exported in heads}
    count = len(expected)
    unsealed, stray = _without_seal()
    seals, events = AuditSeal.objects.count(), AuditEvent.objects.count()
    chain = _Chain(expected)
    broken = next(chain.breaks(), None) or stray or _backdated(chain.newest_at)
    return Verdict(seals, events, unsealed, count, broken)


def _without_seal() -> tuple[int, Break | None]:
    """Count the events without a seal, and name the first that is too old to await one.

    Such an event was inserted later.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_SEAL, (_floor(),))
        [(count, stray)] = cursor.fetchall()
    return count, None if stray is None else Break(0, stray, "event added")


def _backdated(newest_at: datetime) -> Break | None:
    """Return a break for the first unsealed event dated much before sealed ones, or None."""
    with connection.cursor() as cursor:
        cursor.execute(_BACKDATED, (newest_at - LATE_BY,))
        rows = cursor.fetchall()
    return Break(0, rows[0][0], BACKDATED) if rows else None


class _Chain:
    """Read the chain from its first seal on, with one seal in memory at a time."""

    def __init__(self, expected: dict[int, str]) -> None:
        self._expected = expected
        self._previous = GENESIS
        #: Date of the newest event read so far; later events of the chain cannot be much older.
        self.newest_at = datetime.min.replace(tzinfo=UTC) + LATE_BY

    def breaks(self) -> Iterator[Break]:
        """Yield every break, in the order of the chain."""
        for sequence, seal in enumerate(_seals(), start=1):
            if seal.sequence != sequence:
                yield Break(sequence, None, "seal missing")
            yield from self._breaks_of(seal)
            if self._expected.pop(seal.sequence, bytes(seal.hash).hex()) != bytes(seal.hash).hex():
                yield Break(seal.sequence, None, "seal differs from the exported head")
            self._previous = bytes(seal.hash)
        for missing in sorted(self._expected):
            yield Break(missing, None, "seal missing: the tail was cut after the head was exported")

    def _breaks_of(self, seal: AuditSeal) -> Iterator[Break]:
        """Yield the breaks of one seal, those of its events first, since they name the row."""
        with connection.cursor() as cursor:
            cursor.execute(_DIGESTS, (seal.event_ids,))
            stored = {
                event_id: (bytes(digest), created_at)
                for event_id, digest, created_at in cursor.fetchall()
            }
        digests = [
            bytes(seal.digests)[at : at + DIGEST_BYTES]
            for at in range(0, len(seal.digests), DIGEST_BYTES)
        ]
        for event_id, sealed in zip(seal.event_ids, digests, strict=False):
            digest, created_at = stored.get(event_id, (b"", seal.sealed_at))
            if event_id not in stored:
                yield Break(seal.sequence, event_id, "event deleted")
            elif digest != sealed:
                yield Break(seal.sequence, event_id, "event edited")
            elif created_at < self.newest_at - LATE_BY:
                yield Break(seal.sequence, event_id, BACKDATED)
            elif created_at > seal.sealed_at + LATE_BY:
                yield Break(seal.sequence, event_id, "event dated after its seal")
        if bytes(seal.previous_hash) != self._previous or bytes(seal.hash) != hash_of(seal):
            yield Break(seal.sequence, None, "seal edited or reordered")
        self.newest_at = max([self.newest_at, *(created_at for _, created_at in stored.values())])


def _seals() -> Iterator[AuditSeal]:
    """Yield the seals in order, each read by its own statement, so that no snapshot lasts long."""
    seal = AuditSeal.objects.order_by("sequence").first()
    while seal is not None:
        yield seal
        seal = AuditSeal.objects.filter(sequence__gt=seal.sequence).order_by("sequence").first()
