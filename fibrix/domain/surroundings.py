"""What a controller needs of its machine, judged: room on the disk, a clock that can be believed."""

from datetime import datetime, timedelta
from typing import Final

CLOCK_SLACK: Final = timedelta(seconds=5)
"""A clock that is slewed or set by less than this does no harm: no lease and no deadline is so short."""

_MIB: Final = 1 << 20


def disk_fault(free_bytes: int, *, least_bytes: int, folder: str) -> str:
    """Say why there is too little room; empty: there is enough."""
    if free_bytes >= least_bytes:
        return ""
    return (
        f"{folder} has {free_bytes // _MIB} MiB left, less than health.disk_free_bytes ({least_bytes // _MIB} MiB):"
        " delete images, or make the disk bigger"
    )


def clock_fault(now: datetime, *, newest_event: datetime | None, stepped_s: float) -> str:
    """Say why the clock cannot be believed; empty: it can.

    `stepped_s` is by how much the wall clock went further than the time that passed, since the last look: leases and
    deadlines are wall times, so a step makes them end too early or too late.
    """
    if newest_event is not None and newest_event - now > CLOCK_SLACK:
        return (
            f"it is {now:%Y-%m-%d %H:%M:%S} UTC, but the newest event is of {newest_event:%Y-%m-%d %H:%M:%S}:"
            " set the clock, and let NTP keep it"
        )
    if abs(stepped_s) > CLOCK_SLACK.total_seconds():
        way = "forward" if stepped_s > 0 else "back"
        return f"the clock was set {way} by {abs(stepped_s):.0f} s: deadlines and leases end at other times than meant"
    return ""
