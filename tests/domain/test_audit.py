"""The chain of records: whatever is changed, taken out or put in between is found, by our rule and by a stranger's."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.audit import GENESIS, SHOWN_BYTES, AuditRecord, Result, Verdict, Walk, entry_of, line, linked, shown
from tests.support.attempts import attempt

TEXTS = st.text(max_size=20)


def chain(reasons: Sequence[str]) -> list[AuditRecord]:
    """Records that tell of these reasons."""
    records: list[AuditRecord] = []
    for number, reason in enumerate(reasons, 1):
        entry = entry_of(attempt(number, user_name=reason), result=Result.REFUSED, status=409, reason=reason)
        records.append(linked(entry, number, records[-1].hash if records else GENESIS))
    return records


def walked(lines: Sequence[bytes]) -> Verdict:
    walk = Walk()
    for text in lines:
        if not walk.take(text):
            break
    return walk.verdict


def stranger_accepts(export: bytes) -> bool:
    """What docs/audit.md says, by the standard library alone."""

    def canonical(value: dict[str, Any]) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    prev, seq = "0" * 64, 0
    for text in export.splitlines():
        record = json.loads(text)
        given = record.pop("hash")
        if record["seq"] != seq + 1 or record["prev"] != prev:
            return False
        if hashlib.sha256(canonical(record)).hexdigest() != given:
            return False
        if canonical(record | {"hash": given}) != text:
            return False
        prev, seq = given, seq + 1
    return True


@given(st.lists(TEXTS, max_size=6))
def test_what_was_written_holds_by_our_rule_and_by_a_strangers(reasons: list[str]) -> None:
    records = chain(reasons)
    lines = [line(record) for record in records]
    last = records[-1] if records else None
    found = walked(lines)
    assert found == Verdict(
        ok=True, records=len(records), first=1 if last else 0, last=len(records), hash=last.hash if last else ""
    )
    assert stranger_accepts(b"".join(text + b"\n" for text in lines))


@given(st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_any_byte_that_is_changed_is_found_in_its_record(reasons: list[str], data: st.DataObject) -> None:
    lines = [line(record) for record in chain(reasons)]
    at = data.draw(st.integers(0, len(lines) - 1), "record")
    place = data.draw(st.integers(0, len(lines[at]) - 1), "place")
    octet = data.draw(st.integers(0, 255).filter(lambda o: o != lines[at][place]), "octet")
    lines[at] = lines[at][:place] + bytes([octet]) + lines[at][place + 1 :]
    found = walked(lines)
    assert not found.ok
    assert found.last == at
    assert found.fault


@given(st.integers(3, 6), st.data())
def test_a_record_that_is_taken_out_put_twice_or_moved_is_found(count: int, data: st.DataObject) -> None:
    lines = [line(record) for record in chain([f"reason {number}" for number in range(count)])]
    at = data.draw(st.integers(1, count - 2))
    for wrong in (
        lines[:at] + lines[at + 1 :],
        [*lines[:at], lines[at], *lines[at:]],
        [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
    ):
        assert not walked(wrong).ok


def test_a_record_that_is_written_anew_with_all_that_follow_shows_in_the_last_hash_only() -> None:
    kept = walked([line(record) for record in chain(["a", "b", "c"])])
    forged = walked([line(record) for record in chain(["a", "x", "c"])])
    assert kept.ok
    assert forged.ok
    assert kept.hash != forged.hash  # which is why the last hash is to be kept elsewhere


def test_a_part_may_begin_anywhere_and_must_go_on_from_there() -> None:
    lines = [line(record) for record in chain(["a", "b", "c", "d"])]
    assert walked(lines[2:]) == Verdict(ok=True, records=2, first=3, last=4, hash=walked(lines).hash)
    assert not walked([*lines[2:], lines[0]]).ok


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"seq":1}', b"[" * 5000, b'{"seq":1e400}'],
)
def test_what_is_no_record_is_told_in_words(text: bytes) -> None:
    found = walked([text])
    assert not found.ok
    assert "after record 0" in found.fault


def test_a_subject_that_is_too_long_is_kept_as_its_hash() -> None:
    body = b"[" + b"1," * SHOWN_BYTES + b"1]"
    note = json.loads(shown(body))
    assert note == {"note": "too long to keep", "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert shown(body[:SHOWN_BYTES]) == body[:SHOWN_BYTES].decode()


def test_a_record_tells_all_that_is_known_of_a_request_and_no_more_words_than_fit() -> None:
    wide = attempt(path="/" + "x" * 9000)
    entry = entry_of(wide, result=Result.DONE, status=200, reason="y" * 5000, after=b"{}")
    assert (entry.user, entry.user_name, entry.key, entry.address) == ("u000000001", "ada", "k000000001", "192.0.2.7")
    assert (entry.before, entry.after, entry.at) == ('{"state":"Ready"}', "{}", "2026-03-01T12:00:00.000000+00:00")
    assert len(entry.path) < 2100
    assert len(entry.reason) < 1100
