"""Python's memory, set for a process that makes many short-lived objects and few cycles."""

import ctypes
import gc
from typing import Final

_THRESHOLDS: Final = (50_000, 50, 1_000)
_TRIM_THRESHOLD: Final = -1  # of <malloc.h>, for mallopt(3)
_MMAP_THRESHOLD: Final = -3
_BIG: Final = 1 << 20  # octets


def calm() -> None:
    """Look for cycles less often: each look costs time that clients wait, and finds next to nothing. At the start.

    And give back what is big as soon as it is free: glibc by itself keeps more and more of it, in each thread.
    """
    gc.set_threshold(*_THRESHOLDS)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for parameter in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            libc.mallopt(parameter, _BIG)


def spare() -> None:
    """Leave all that is there now out of every later look: it stays for as long as the process. After the start."""
    gc.collect()
    gc.freeze()
