"""Files for machines: looked up below a few folders, and never outside them."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fibrix.errors import InvalidError, NotFoundError

_NAME_BYTES: Final = 255  # the file system's own limit on one part of it


@dataclass(frozen=True, slots=True)
class ServedFile:
    """An opened regular file. `name` is how a client may ask for it: relative, with `/`."""

    name: str
    path: Path  # without symbolic links
    handle: BinaryIO
    size: int  # bytes, when it was opened


class BootFiles:
    """What TFTP and HTTP may serve: the first folder that has a name wins, so the operator's own comes first.

    Symbolic links are followed as long as they end in one of the folders: an operator may link to Debian's files.
    Those in a `packaged` folder are followed wherever they lead: Debian's ipxe.efi is a link to /boot.
    The folders may be missing, and may come and go.
    """

    def __init__(self, folders: Sequence[Path], packaged: Sequence[Path] = ()) -> None:
        self._folders = (*folders, *packaged)
        self._packaged = frozenset(packaged)

    def find(self, name: str) -> Path:
        """Find a regular file. Raises InvalidError for a name that leads out of the folders, else NotFoundError."""
        relative = relative_name(name)
        roots = [folder.resolve() for folder in self._folders]
        for folder, root in zip(self._folders, roots, strict=True):
            path = _resolved(root / relative)
            if path is None or not path.is_file():
                continue
            if folder not in self._packaged and not any(path.is_relative_to(inside) for inside in roots):
                raise InvalidError(f"{relative} is a link that leads out of the served folders")
            return path
        raise NotFoundError(f"there is no file {relative}")

    def open(self, name: str) -> ServedFile:
        """Open a regular file for reading; the caller closes it. Raises as `find`, and NotFoundError if unreadable."""
        path = self.find(name)
        try:
            # Not followed: resolved a moment ago. Not blocking: a FIFO may have taken its place.
            handle = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        except OSError as exc:
            raise NotFoundError(f"{name} cannot be read: {exc.strerror}") from exc
        status = os.fstat(handle.fileno())
        if not stat.S_ISREG(status.st_mode):
            handle.close()
            raise NotFoundError(f"{name} is not a regular file")
        return ServedFile(relative_name(name), path, handle, status.st_size)


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve()
    except RuntimeError:  # Python 3.11's word for a loop of links
        return None


def relative_name(name: str) -> str:
    r"""Tidy a name that came from a client: `\boot\x` and `/boot/./x` are `boot/x`. Raises InvalidError.

    An absolute name is taken as relative to the served folders: boot ROMs ask for `/undionly.kpxe`.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or not name.isprintable() or len(name.encode()) > _NAME_BYTES:
        raise InvalidError(f"{name[:_NAME_BYTES]!r} is not the name of a served file")
    return "/".join(parts)
