"""Python's memory, set for a process that makes many short-lived objects and few cycles."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_THRESHOLDS: Final = (50_000, 50, 1_000)
_TRIM_THRESHOLD: Final = -1  # of <malloc.h>, for mallopt(3)
_MMAP_THRESHOLD: Final = -3
_MOST_ARENAS: Final = -8
_BIG: Final = 1 << 20  # octets


def calm() -> None:
    """Look for cycles less often: each look costs time that clients wait, and finds next to nothing. At the start.

    And give back what is big as soon as it is free: glibc by itself keeps more and more of it, in each thread. All
    threads share one heap: they take turns by Python's lock anyway.
    """
    gc.set_threshold(*_THRESHOLDS)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for parameter in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            libc.mallopt(parameter, _BIG)
        libc.mallopt(_MOST_ARENAS, 1)


def spare() -> None:
    """Leave all that is there now out of every later look: it stays for as long as the process. After the start."""
    gc.collect()
    gc.freeze()
    give_back()


def give_back() -> None:
    """Give free memory back to the kernel, after what took much: glibc keeps what lies between used pieces."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


@contextmanager
def without(package: str) -> Iterator[None]:
    """Have a package not found by what is imported meanwhile, and can do without it."""
    before = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]  # the import system's own way to say so
    try:
        yield
    finally:
        if before is None:
            del sys.modules[package]
        else:
            sys.modules[package] = before
