"""A backup as one file: a tar in gzip. Its first member, `manifest.json`, says what the others are and their SHA-256.

Whoever unpacks one trusts nothing in it: only what the manifest names is taken, under plain names, up to the size that
the manifest says, and all of it must be there.
"""

import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from fibrix.errors import InvalidError

FORMAT: Final = 1
"""The version of this layout. A reader refuses all others."""
MANIFEST: Final = "manifest.json"

_PLACES: Final = re.compile(
    r"(region\.db|rack\.db|secret\.key|admin\.key|config\.toml|scripts(/[A-Za-z0-9_][\w.-]*){2,4})"
)
_BLOCK: Final = tarfile.BLOCKSIZE
_CHUNK: Final = 256 << 10
_MANIFEST_BYTES: Final = 1 << 20
_GZIP: Final = 16 + zlib.MAX_WBITS  # a gzip header and trailer around the deflated data
_LEVEL: Final = 3


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup."""

    name: str
    bytes: int
    sha256: str  # in hex
    executable: bool = False


class ImageName(msgspec.Struct, frozen=True, kw_only=True):
    """An image that was there. Its bytes are not in the backup: they can be built again."""

    name: str
    sha256: str  # empty: it was broken


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of."""

    format: int
    fibrix: str  # the version that made it
    made_at: datetime
    region_version: int  # the newest migration of the region's store
    rack_version: int
    journal_head: int  # sequence number of the newest event
    with_key: bool  # the controller's key is in it: whoever has the file can read the secrets
    members: tuple[Member, ...]
    images: tuple[ImageName, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A member and where its bytes come from."""

    member: Member
    handle: BinaryIO


def sha256_of(handle: BinaryIO) -> str:
    """Hash a file from its beginning, in hex; it stands at its beginning afterwards."""
    handle.seek(0)
    digest = hashlib.sha256()
    while chunk := handle.read(_CHUNK):
        digest.update(chunk)
    handle.seek(0)
    return digest.hexdigest()


def is_place(name: str) -> bool:
    """Tell whether a backup may have a member of this name."""
    return bool(_PLACES.fullmatch(name))


def pack(manifest: Manifest, contents: Sequence[Content]) -> Iterator[bytes]:
    """Write a backup, piece by piece. Reads files: call it outside of the event loop."""
    squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    kept = bytearray()
    for part in _tar(manifest, contents):
        kept += squeeze.compress(part)
        if len(kept) >= _CHUNK:
            yield bytes(kept)
            kept.clear()
    yield bytes(kept) + squeeze.flush()


def _tar(manifest: Manifest, contents: Sequence[Content]) -> Iterator[bytes]:
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    yield _header(MANIFEST, len(text), manifest.made_at)
    yield text + _padding(len(text))
    for content in contents:
        yield _header(content.member.name, content.member.bytes, manifest.made_at)
        while chunk := content.handle.read(_CHUNK):
            yield chunk
        yield _padding(content.member.bytes)
    yield bytes(2 * _BLOCK)


def _header(name: str, size: int, at: datetime) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(at.timestamp())
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def unpack(file: Path, into: Path | None) -> Manifest:
    """Check a backup whole, and write its members into a folder; None: only check. Reads files, and takes its time.

    Raises InvalidError: it is no backup, is of another format, was cut short or changed; OSError: the disk. What was
    written by then stays, and must not be used.
    """
    try:
        with file.open("rb") as raw, GzipFile(fileobj=raw) as stream:
            return _Reader(stream).read(into)
    except (EOFError, BadGzipFile, zlib.error) as exc:
        raise InvalidError(f"{file} is no whole backup: {exc}") from exc
    except InvalidError as exc:
        raise InvalidError(f"{file}: {exc}") from exc


class _Reader:
    """Reads the tar of a backup from its beginning to its end."""

    def __init__(self, stream: GzipFile) -> None:
        self._stream = stream

    def read(self, into: Path | None) -> Manifest:
        """Read all of it. Raises InvalidError, EOFError, OSError."""
        manifest = self._manifest()
        for member in manifest.members:
            name, size = self._next()
            if (name, size) != (member.name, member.bytes):
                raise InvalidError(f"it has {name!r} where its manifest says {member.name!r}: it was changed")
            self._take(member, None if into is None else into / name)
        if self._exactly(_BLOCK).strip(b"\0"):
            raise InvalidError("it has more in it than its manifest says: it was changed")
        while self._stream.read(_CHUNK):  # to the end, where gzip's own check is
            pass
        return manifest

    def _manifest(self) -> Manifest:
        name, size = self._next()
        if name != MANIFEST or size > _MANIFEST_BYTES:
            raise InvalidError("it is no backup of Fibrix: it does not begin with a manifest")
        text = self._exactly(size)
        self._exactly(len(_padding(size)))
        return _manifest(text)

    def _next(self) -> tuple[str, int]:
        """Read a header: a regular file's name and size."""
        try:
            info = tarfile.TarInfo.frombuf(self._exactly(_BLOCK), "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as exc:
            raise InvalidError(f"it is damaged, or no backup of Fibrix: {exc}") from exc
        if info.type != tarfile.REGTYPE:
            raise InvalidError(f"{info.name!r} in it is no plain file")
        return info.name, info.size

    def _take(self, member: Member, target: Path | None) -> None:
        digest = hashlib.sha256()
        left = member.bytes
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with Path("/dev/null" if target is None else target).open("wb") as file:
            while left:
                chunk = self._exactly(min(left, _CHUNK))
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
        self._exactly(len(_padding(member.bytes)))
        if digest.hexdigest() != member.sha256:
            raise InvalidError(f"{member.name} is not what was packed (SHA-256): the file is damaged")
        if target is not None:
            target.chmod(0o700 if member.executable else 0o600)

    def _exactly(self, size: int) -> bytes:
        """Read so many bytes. Raises EOFError."""
        found = self._stream.read(size)
        if len(found) < size:
            raise EOFError("it ends too early")
        return found


def _manifest(text: bytes) -> Manifest:
    """Read a manifest, the format first: what another version means by the rest is not known."""
    try:
        found = msgspec.json.decode(text, type=_Format).format
        if found != FORMAT:
            raise InvalidError(f"it has format {found}, this Fibrix reads format {FORMAT}: use the Fibrix that made it")
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as exc:
        raise InvalidError(f"its manifest cannot be read: {exc}") from exc
    names = [member.name for member in manifest.members]
    wrong = [name for name in names if not is_place(name)]
    if wrong or len(set(names)) < len(names):
        raise InvalidError(f"its manifest has names that no backup has: {', '.join(wrong or names)}")
    missing = {"region.db", "rack.db"} - set(names)
    if missing:
        raise InvalidError(f"it has no {' and no '.join(sorted(missing))}")
    return manifest


class _Format(msgspec.Struct):
    """The one field that every format has."""

    format: int
