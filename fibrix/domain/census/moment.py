"""Times of the census: microseconds since 1970, UTC, as whole numbers; a datetime only for what is told."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799 * SECOND  # the last second of the year 9999: a capture may claim any time


@lru_cache(64)
def moment(at_us: int) -> datetime:
    """Name a time; one before 1970 or after the year 9999 becomes the nearest that there is.

    What is told of at one time names it many times.
    """
    return _EPOCH + timedelta(microseconds=min(max(at_us, 0), _LATEST))


def microseconds(at: datetime) -> int:
    """The number of a time."""
    return (at - _EPOCH) // timedelta(microseconds=1)
