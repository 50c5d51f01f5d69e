"""The archive that the kernel unpacks as its first root file system: cpio's "newc" form.

Written here and not by cpio(1): owners, times and order are fixed, so that the same content is the same file to the
octet, and device nodes need no right to make them.
Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MAGIC: Final = "070701"
_TRAILER: Final = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive; owner is root, time is 0."""

    name: str  # relative, no slash at the front
    mode: int  # type and permission bits of st_mode
    data: bytes | Path = b""  # what a file holds, or what a link points to
    device: tuple[int, int] = (0, 0)  # major and minor of a node


def folder(name: str, permissions: int = 0o755) -> Entry:
    """A folder."""
    return Entry(name, stat.S_IFDIR | permissions)


def file(name: str, data: bytes | Path, permissions: int = 0o644) -> Entry:
    """A file with these octets, or with what another file holds."""
    return Entry(name, stat.S_IFREG | permissions, data)


def link(name: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(name, stat.S_IFLNK | 0o777, target.encode())


def character_device(name: str, major: int, minor: int) -> Entry:
    """A node of a character device, for its owner alone."""
    return Entry(name, stat.S_IFCHR | 0o600, device=(major, minor))


def archive(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The archive's octets, piece by piece: entries in the order given, each once, then the trailer."""
    number = 0
    for number, entry in enumerate(entries, 1):
        data = entry.data.read_bytes() if isinstance(entry.data, Path) else entry.data
        yield _header(entry, number, len(data))
        yield data + bytes(-len(data) % 4)
    yield _header(Entry(_TRAILER, 0), number + 1, 0)


def _header(entry: Entry, number: int, size: int) -> bytes:
    """13 numbers of 8 hexadecimal digits after the magic; then the name, ended by NUL and filled up to 4 octets."""
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (number, entry.mode, 0, 0, links, 0, size, 0, 0, *entry.device, len(name), 0)
    header = (_MAGIC + "".join(f"{field:08X}" for field in fields)).encode()
    return header + name + bytes(-(len(header) + len(name)) % 4)
