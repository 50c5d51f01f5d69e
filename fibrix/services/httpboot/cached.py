"""Is a part of a file in the kernel's memory? Then sending it waits for no disk."""

import ctypes
import errno
import os
from typing import Final

_CACHESTAT: Final = 451  # its number on every architecture; Linux 6.5, and no function of the C library's
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_PROBE_BYTES: Final = 256 * 1024  # the kernel reads ahead in steps of this order
_NO_CALL: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP})  # EPERM: a sandbox that does not know it

_syscall = ctypes.PyDLL(None, use_errno=True).syscall  # it does not wait, so it keeps the interpreter's lock


class Memory:
    """Asks the kernel: with one call for as much as one likes, where it has that call, else here and there."""

    def __init__(self) -> None:
        self._counts = True  # the kernel can count pages

    def has(self, descriptor: int, at: int, count: int) -> bool:
        """Whether the kernel could go on without a disk. Where it cannot tell, it might not."""
        counted = self._count(descriptor, at, count) if self._counts else None
        if counted is None:
            return all(
                _is_read(descriptor, offset) for offset in (*range(at, at + count, _PROBE_BYTES), at + count - 1)
            )
        wanted = -(-(at + count) // _PAGE_BYTES) - at // _PAGE_BYTES
        return counted >= wanted and _is_read(descriptor, at + count - 1)  # the last may still be on its way

    def _count(self, descriptor: int, at: int, count: int) -> int | None:
        """How many pages of a part are in memory; None: it cannot be counted (cachestat(2))."""
        span, found = (ctypes.c_uint64 * 2)(at, count), (ctypes.c_uint64 * 5)()
        if _syscall(_CACHESTAT, descriptor, ctypes.byref(span), ctypes.byref(found), 0) == 0:
            return int(found[0])
        self._counts = ctypes.get_errno() not in _NO_CALL
        return None


def _is_read(descriptor: int, offset: int) -> bool:
    """Whether an octet can be read at once (RWF_NOWAIT of preadv2(2))."""
    try:
        os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT)
    except OSError:
        return False
    return True
