"""What an answer with a file consists of: headers, and octets in between its parts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePath
from typing import Final

from aiohttp import hdrs

from fibrix.services.httpboot.choose import Chosen, Span, Version

_TYPES: Final = {  # by these UEFI knows what it has got (UEFI 2.10 §24.7)
    ".efi": "application/efi",
    ".iso": "application/vnd.efi-iso",
    ".img": "application/vnd.efi-img",
}
_ANY: Final = "application/octet-stream"

Piece = bytes | Span
"""Octets as they are, or a part of the file."""


@dataclass(frozen=True, slots=True)
class Body:
    """Headers, and the pieces that follow; `length` is for Content-Length, which UEFI and iPXE want to know."""

    headers: dict[str, str]
    pieces: tuple[Piece, ...]

    @property
    def length(self) -> int:
        """Octets."""
        return sum(len(piece) if isinstance(piece, bytes) else piece[1] for piece in self.pieces)


def compose(chosen: Chosen, version: Version, name: str) -> Body:
    """Make headers and pieces. Several ranges become multipart/byteranges (RFC 9110 §14.6)."""
    headers: dict[str, str] = {
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.ETAG: version.etag,
        hdrs.LAST_MODIFIED: version.last_modified,
    }
    kind = _TYPES.get(PurePath(name).suffix.lower(), _ANY)
    match chosen.status, chosen.spans:
        case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, _:
            return Body({**headers, hdrs.CONTENT_RANGE: f"bytes */{version.size}"}, ())
        case HTTPStatus.PARTIAL_CONTENT, (span,):
            return Body({**headers, hdrs.CONTENT_TYPE: kind, hdrs.CONTENT_RANGE: _place(span, version)}, (span,))
        case HTTPStatus.PARTIAL_CONTENT, spans:
            border = version.etag.strip('"')
            headers[hdrs.CONTENT_TYPE] = f"multipart/byteranges; boundary={border}"
            return Body(headers, tuple(_parts(spans, version, kind, border)))
        case HTTPStatus.OK, spans:
            return Body({**headers, hdrs.CONTENT_TYPE: kind}, spans)
        case _:
            return Body(headers, ())


def _place(span: Span, version: Version) -> str:
    return f"bytes {span[0]}-{span[0] + span[1] - 1}/{version.size}"


def _parts(spans: Sequence[Span], version: Version, kind: str, border: str) -> Iterator[Piece]:
    for span in spans:
        place = _place(span, version)
        yield f"\r\n--{border}\r\n{hdrs.CONTENT_TYPE}: {kind}\r\n{hdrs.CONTENT_RANGE}: {place}\r\n\r\n".encode()
        yield span
    yield f"\r\n--{border}--\r\n".encode()
