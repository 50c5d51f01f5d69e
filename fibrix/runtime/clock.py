"""The clock, injected so that tests may hold it."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Wall time for records, aware, in UTC."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds for intervals; never goes back."""
    return time.monotonic()


def steady_us() -> int:
    """Microseconds for intervals; never set, and counts the time that the machine sleeps, as clients' clocks do."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
