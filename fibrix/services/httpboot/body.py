"""What an answer with a file consists of, and how it leaves: by sendfile; no disk is waited for in the event loop."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePath
from typing import BinaryIO, Final

from aiohttp import hdrs

from fibrix.services.httpboot.choose import Chosen, Span, Version
from fibrix.services.httpboot.pace import DownloadError

_CHUNK_BYTES: Final = 4 << 20  # handed to the kernel at once
_PROBE_BYTES: Final = 256 * 1024  # the kernel reads ahead in steps of this order

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


async def send_span(transport: asyncio.Transport, file: BinaryIO, span: Span, disk: Executor) -> None:
    """Send a part of a file. Raises DownloadError when it cannot be read or is not all there; OSError."""
    loop = asyncio.get_running_loop()
    at, end = span[0], span[0] + span[1]
    while at < end:
        count = min(_CHUNK_BYTES, end - at)
        if not _is_in_memory(file.fileno(), at, count):
            try:
                await loop.run_in_executor(disk, _bring_in, file.fileno(), at, count)
            except OSError as exc:
                raise DownloadError(f"reading failed: {exc.strerror}") from exc
        if await loop.sendfile(transport, file, at, count) < count:
            raise DownloadError("the file became shorter while it was sent")
        at += count


def _is_in_memory(descriptor: int, at: int, count: int) -> bool:
    """Ask whether the kernel would have to wait for a disk (RWF_NOWAIT); a file system that cannot tell might."""
    octet = [bytearray(1)]
    try:
        for offset in (*range(at, at + count, _PROBE_BYTES), at + count - 1):
            os.preadv(descriptor, octet, offset, os.RWF_NOWAIT)
    except OSError:
        return False
    return True


def _bring_in(descriptor: int, at: int, count: int) -> None:
    """Wait for the disk, in a thread: what was read stays in the kernel's memory for a while.

    A download that ends meanwhile closes the file: what is read then is thrown away like all the rest.
    """
    scratch = [bytearray(_PROBE_BYTES)]
    for offset in range(at, at + count, _PROBE_BYTES):
        os.preadv(descriptor, scratch, offset)
