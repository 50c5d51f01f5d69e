"""How many new hosts are taken up: a flood of made-up MACs must not fill the census.

Some are taken up at once, then so many a second. One that finds the gate closed is kept in mind with its time alone;
when it is heard again a second later or more, as made-up ones are not, it is first in line.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from fibrix.domain.census.moment import SECOND

MOST_WAITING: Final = 32_768
_AGAIN: Final = SECOND
_FIRST_TELL: Final = 10 * SECOND
_TELL_AGAIN: Final = 600 * SECOND


@dataclass(frozen=True, slots=True)
class Pace:
    """How many newcomers are taken up."""

    burst: int = 5_000
    per_s: int = 200


class Gate:
    """Lets newcomers in; while any wait, only those who are heard again."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._most = pace.burst * SECOND  # in newcomers times 1,000,000, so that all is whole numbers
        self._left = self._most
        self._at = 0
        self._waiting: OrderedDict[bytes, int] = OrderedDict()
        self._untold = 0
        self._since = 0
        self.refused = 0

    def admit(self, mac: bytes, at: int) -> bool:
        """Ask for one newcomer."""
        if self.refuses(mac, at):
            return False
        self._waiting.pop(mac, None)
        self._left -= SECOND
        return True

    def refuses(self, mac: bytes, at: int) -> bool:
        """Whether a newcomer has to wait; it is kept in mind then."""
        if at > self._at:
            self._left = min(self._most, self._left + (at - self._at) * self._pace.per_s)
            self._at = at
        waited = self._waiting.get(mac)
        if self._left >= SECOND and (not self._waiting or (waited is not None and at - waited >= _AGAIN)):
            return False
        if waited is None:
            self._waiting[mac] = at
            self.refused += 1
            self._untold += 1
            self._since = self._since or at
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
        return True

    def tell(self, at: int) -> int:
        """Say how many found it closed since that was told, once in a while; 0: nothing to tell."""
        if not self._untold or at - self._since < _FIRST_TELL:
            return 0
        untold, self._untold, self._since = self._untold, 0, at + _TELL_AGAIN - _FIRST_TELL
        return untold

    def rest(self, at: int) -> None:
        """Forget who waits and was not heard again for a minute: when none is left, all may come in at once again."""
        while self._waiting and at - next(iter(self._waiting.values())) >= 60 * SECOND:
            self._waiting.popitem(last=False)
