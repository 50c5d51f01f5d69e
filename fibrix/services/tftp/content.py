"""The octets of a transfer: a file as it is, or translated for mode netascii."""

import os
from dataclasses import dataclass
from typing import BinaryIO, Final

from fibrix.errors import NotFoundError
from fibrix.runtime.files import BootFiles
from fibrix.wire.tftp import Request, to_netascii

_NETASCII_BYTES: Final = 1 << 20  # translated as a whole, in memory, for each transfer; texts are small
_AHEAD_BYTES: Final = 4 << 20  # that the kernel begins to read at once: a slow disk must not hold up each block


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent: `size` octets, from an open file or from memory."""

    size: int
    handle: BinaryIO | None
    text: bytes = b""

    def read(self, offset: int, length: int) -> bytes:
        """One part of it. Raises OSError."""
        if self.handle is None:
            return self.text[offset : offset + length]
        return os.pread(self.handle.fileno(), length, offset)

    def close(self) -> None:
        """Close the file, if there is one."""
        if self.handle is not None:
            self.handle.close()


def open_content(files: BootFiles, request: Request) -> Content:
    """Open what a read request asks for. Raises NotFoundError, InvalidError."""
    file = files.open(request.file)
    if request.mode == "octet":
        os.posix_fadvise(file.handle.fileno(), 0, _AHEAD_BYTES, os.POSIX_FADV_WILLNEED)
        return Content(file.size, file.handle)
    with file.handle:
        if file.size > _NETASCII_BYTES:
            raise NotFoundError(f"{file.name} is too large for mode netascii: ask for octet")
        text = to_netascii(file.handle.read())
    return Content(len(text), None, text)
