"""Which part of a file answers a request, if any: conditions and ranges of RFC 9110 §13 and §14. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import Final

_RANGES: Final = 16  # in one request; one that asks for more gets the whole file
_DIGITS: Final = 18  # of a position: more is no file

Span = tuple[int, int]
"""Offset and octets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The file as it is now."""

    size: int
    modified_ns: int  # since 1970

    @property
    def etag(self) -> str:
        """A strong validator, with its quotes."""
        return f'"{self.modified_ns:x}-{self.size:x}"'

    @property
    def modified(self) -> datetime:
        """In whole seconds, as headers have it."""
        return datetime.fromtimestamp(self.modified_ns // 1_000_000_000, UTC)

    @property
    def last_modified(self) -> str:
        """The header's text."""
        return format_datetime(self.modified, usegmt=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The headers of a GET or HEAD that decide; empty: not sent."""

    ranges: str = ""
    if_range: str = ""
    if_match: str = ""
    if_none_match: str = ""
    if_modified_since: str = ""
    if_unmodified_since: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The status, and what is sent of the file: one part, several with 206, none where the status says so."""

    status: HTTPStatus
    spans: tuple[Span, ...] = ()


def choose(asked: Asked, version: Version) -> Chosen:
    """Go through the conditions in the order of RFC 9110 §13.2.2, then the ranges."""
    if not _holds(asked, version):
        return Chosen(HTTPStatus.PRECONDITION_FAILED)
    if _is_unchanged(asked, version):
        return Chosen(HTTPStatus.NOT_MODIFIED)
    spans = _spans(asked.ranges, version.size) if asked.ranges and _still(asked.if_range, version) else None
    if spans is None:
        return Chosen(HTTPStatus.OK, ((0, version.size),))
    if not spans:
        return Chosen(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    return Chosen(HTTPStatus.PARTIAL_CONTENT, tuple(spans))


def _holds(asked: Asked, version: Version) -> bool:
    if asked.if_match:
        return _names(asked.if_match, version.etag, weak=False)
    since = _date(asked.if_unmodified_since)
    return since is None or version.modified <= since


def _is_unchanged(asked: Asked, version: Version) -> bool:
    if asked.if_none_match:
        return _names(asked.if_none_match, version.etag, weak=True)
    since = _date(asked.if_modified_since)
    return since is not None and version.modified <= since


def _still(if_range: str, version: Version) -> bool:
    """Say whether the client has a part of just this version: then the rest of it fits (RFC 9110 §13.1.5)."""
    return if_range in ("", version.etag) or _date(if_range) == version.modified


def _names(tags: str, etag: str, *, weak: bool) -> bool:
    """Look for the tag in a list; our tags have no comma in them."""
    listed = [tag.strip() for tag in tags.split(",")]
    return "*" in listed or etag in listed or (weak and f"W/{etag}" in listed)


def _date(text: str) -> datetime | None:
    """Read a header's date; what is none is left out of account."""
    try:
        found = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _spans(ranges: str, size: int) -> Sequence[Span] | None:
    """Read a Range header: the parts that there are. None: it is left alone, being odd, or asking for too much."""
    unit, equals, listed = ranges.partition("=")
    if unit.strip().lower() != "bytes" or not equals:
        return None
    wanted = [part.strip() for part in listed.split(",") if part.strip()]
    read = [_span(part, size) for part in wanted]
    if not read or len(read) > _RANGES or None in read:
        return None
    spans = [span for span in read if span and span[1]]
    return spans if sum(length for _, length in spans) <= size else None


def _span(part: str, size: int) -> Span | None:
    """Read `first-last`, `first-` or `-octets`; without length when there is nothing there. None: none of these."""
    first, dash, last = (piece.strip() for piece in part.partition("-"))
    if not dash or not (first or last) or not all(_is_number(piece) for piece in (first, last) if piece):
        return None
    if not first:
        length = min(int(last), size)
        return size - length, length
    if last and int(last) < int(first):
        return None
    end = min(int(last) + 1, size) if last else size
    return int(first), max(0, end - int(first))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS
