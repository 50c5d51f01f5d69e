"""The clock, injected so that tests may hold it."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Wall time for records, aware, in UTC."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds for intervals; never goes back."""
    return time.monotonic()
