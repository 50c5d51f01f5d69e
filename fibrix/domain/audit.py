"""The audit: who did what, one record a request, each bound to the one before it by a hash.

The rule, which docs/audit.md gives to whoever wants to check an export with a program of their own: a record is a
JSON object of strings and whole numbers. Its hash is the SHA-256, in hex, of the record without its member `hash`,
written as RFC 8785 has it (members sorted, no white space, UTF-8, nothing escaped that need not be). `prev` is the hash
of the record before, for the first of all 64 zeros; numbers begin with 1 and none is left out.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Final

import msgspec

from fibrix.domain.attempt import Attempt
from fibrix.types import ApiKeyId, TenantId, UserId

GENESIS: Final = "0" * 64
"""What stands in the first record as the hash of the one before."""
SHOWN_BYTES: Final = 64 << 10
"""What a request's subject looked like is kept up to this length."""
_WORDS: Final = 1000
_PATH: Final = 2000

Timestamp = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""A moment as text, UTC, to the microsecond: fixed width, so that it sorts, and hashes the same everywhere."""


class Result(Enum):
    """What came of a request."""

    DONE = "done"
    REFUSED = "refused"
    LOST = "lost"  # what it changed stands, but its answer never was: the controller died, or the time was up


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of one request. A field that does not apply is empty."""

    at: Timestamp  # when it came
    user: UserId
    user_name: str  # as it was then
    tenant: TenantId
    key: ApiKeyId  # empty: a browser's session
    address: str  # where it came from; empty: the controller's unix socket
    request: str  # its id, as in the answer's X-Request-Id, in events and in the log
    action: str  # the operation's id: `machines_deploy`
    method: str
    path: str
    subject: str  # what it was about, as a path below `/api/v1/`, by its id where it has one
    before: str = ""  # the subject as JSON text, as the API showed it before; empty: it was not there, or is a secret
    after: str = ""  # the same afterwards
    status: int  # of the answer, HTTP's; 0: there was none
    result: Result
    reason: str = ""  # why it was refused, or what is known of an answer that was lost


class AuditRecord(AuditEntry, frozen=True, kw_only=True):
    """An entry in its place in the chain."""

    seq: int  # 1 is the first ever, none is left out
    prev: str  # the hash of the record before
    hash: str  # over all other fields


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether records are what was written, as far as the chain can tell."""

    ok: bool
    records: int  # so many were looked at
    first: int  # the number of the first; 0: there was none
    last: int  # the number of the last one that was good
    hash: str  # and its hash: who keeps it elsewhere can tell later whether records were cut off at the end
    fault: str = ""  # what is wrong, and with which record


def timestamp(at: datetime) -> Timestamp:
    """Write a moment as records have it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def entry_of(attempt: Attempt, *, result: Result, status: int, reason: str = "", after: bytes = b"") -> AuditEntry:
    """Tell what came of an attempt."""
    return AuditEntry(
        at=timestamp(attempt.at),
        user=attempt.user,
        user_name=attempt.user_name,
        tenant=attempt.tenant,
        key=attempt.key,
        address=attempt.address,
        request=attempt.request,
        action=attempt.action,
        method=attempt.method,
        path=_cut(attempt.path, _PATH),
        subject=_cut(attempt.subject, _PATH),
        before=shown(attempt.before),
        after=shown(after),
        status=status,
        result=result,
        reason=_cut(reason, _WORDS),
    )


def shown(body: bytes) -> str:
    """What is kept of a subject's JSON: its text, or, of one that is too long, its hash."""
    if len(body) <= SHOWN_BYTES:
        return body.decode(errors="replace")
    note = {"note": "too long to keep", "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    return msgspec.json.encode(note).decode()


def linked(entry: AuditEntry, seq: int, prev: str) -> AuditRecord:
    """Put an entry behind the record before it."""
    fields = {**msgspec.structs.asdict(entry), "seq": seq, "prev": prev}
    return AuditRecord(**fields, hash=_hash(msgspec.to_builtins(fields)))


def line(record: AuditRecord) -> bytes:
    """Write a record as a line of an export, without the line's end. Any other bytes are not this record."""
    return msgspec.json.encode(record, order="sorted")


class Walk:
    """Walks along the chain, record by record, and remembers the first fault."""

    def __init__(self) -> None:
        self._records = 0
        self._first = 0
        self._last = 0
        self._hash = ""
        self._fault = ""

    @property
    def verdict(self) -> Verdict:
        """How it looks so far."""
        return Verdict(
            ok=not self._fault,
            records=self._records,
            first=self._first,
            last=self._last,
            hash=self._hash,
            fault=self._fault,
        )

    def take(self, text: bytes) -> bool:
        """Look at the next record, a line of an export. False: the chain is broken, there is no use in going on."""
        self._records += 1
        try:
            fields = msgspec.json.decode(text)
            record = msgspec.convert(fields, AuditRecord)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            self._fault = f"what comes after record {self._last} is no record: {exc}"
            return False
        self._fault = self._wrong(record, fields, text)
        if not self._fault:
            self._first = self._first or record.seq
            self._last, self._hash = record.seq, record.hash
        return not self._fault

    def _wrong(self, record: AuditRecord, fields: Mapping[str, Any], text: bytes) -> str:
        """Say what is wrong with a record in its place; empty: nothing."""
        if self._last and record.seq != self._last + 1:
            return f"after record {self._last} comes {record.seq}: what was between them is gone"
        expected = self._hash or (GENESIS if record.seq == 1 else record.prev)  # a part may begin anywhere
        if record.prev != expected:
            return f"record {record.seq} does not follow the one before it: `prev` is another hash"
        if line(record) != text or _hash(fields) != record.hash:
            return f"record {record.seq} is not what was written: its hash is another"
        return ""


def _hash(fields: Mapping[str, Any]) -> str:
    """Hash a record by the rule above."""
    plain = {name: value for name, value in fields.items() if name != "hash"}
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
