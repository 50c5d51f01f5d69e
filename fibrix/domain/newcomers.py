"""What is left of a pool for machines that nobody knows: never what known machines without an address need."""

from collections.abc import Callable, Collection
from typing import Final

from fibrix.domain.binding import SECOND_US
from fibrix.domain.pool import Pool
from fibrix.types import MacAddress

_RESERVE: Final = 8  # the last one of so many addresses is kept for known machines that have none
_COUNT_US: Final = SECOND_US  # for so long a count of known machines without an address is good enough


class Newcomers:
    """Keeps count of the known machines without an address. Times are UTC in microseconds since 1970."""

    def __init__(self, bound: Callable[[str, MacAddress, int], bool]) -> None:
        """`bound`: whether a machine holds an address of a subnet at a time."""
        self._bound = bound
        self._missing: dict[str, tuple[int, int]] = {}  # by subnet: known machines without an address, and as of when

    def clear(self) -> None:
        """Count anew: the clock was set."""
        self._missing.clear()

    def refusal(self, pool: Pool, known: Collection[MacAddress], now_us: int) -> str:
        """Why what is left of a pool is not for strangers; empty when it is."""
        left, most = pool.plan.usable - pool.live, pool.plan.usable // _RESERVE
        if left > most:
            return ""
        name = pool.plan.subnet.name
        missing = self._known_without(name, known, now_us)
        if left > min(most, missing) or not missing:
            return ""
        return f"the last {left} addresses of {name} are kept for known machines that have none"

    def _known_without(self, subnet: str, known: Collection[MacAddress], now_us: int) -> int:
        """How many known machines have no address of a subnet."""
        count, as_of_us = self._missing.get(subnet, (0, -_COUNT_US))
        if not 0 <= now_us - as_of_us < _COUNT_US:
            count = sum(1 for mac in known if not self._bound(subnet, mac, now_us))
            self._missing[subnet] = (count, now_us)
        return count
