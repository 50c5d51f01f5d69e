"""Python's collector of reference cycles, set for a process that makes many short-lived objects and few cycles."""

import gc
from typing import Final

_THRESHOLDS: Final = (50_000, 50, 1_000)


def calm() -> None:
    """Look for cycles less often: each look costs time that clients wait, and finds next to nothing. At the start."""
    gc.set_threshold(*_THRESHOLDS)


def spare() -> None:
    """Leave all that is there now out of every later look: it stays for as long as the process. After the start."""
    gc.collect()
    gc.freeze()
