"""Serial numbers of zones: they wrap around, and one is newer than another by half of the circle (RFC 1982)."""

from typing import Final

_CIRCLE: Final = 1 << 32
_HALF: Final = 1 << 31


def is_newer(serial: int, than: int) -> bool:
    """Whether a serial comes after another one (RFC 1982 §3.2). Two that are half of the circle apart are neither."""
    return 0 < (serial - than) % _CIRCLE < _HALF


def next_serial(before: int, now_s: int) -> int:
    """Give the serial that follows `before`: the time in seconds since 1970 where that is newer, else the next number.

    So it goes on ahead of what secondaries have even where an older backup was restored; it never is 0, which some
    software takes for none.
    """
    clock = now_s % _CIRCLE
    if before == 0 or is_newer(clock, before):
        return clock or 1
    return (before + 1) % _CIRCLE or 1
