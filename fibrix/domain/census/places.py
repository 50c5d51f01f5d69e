"""Where a host is: whether one that is heard in another place has moved, is in two places, or is only heard twice.

The same frame may be heard on two interfaces, where both are on one wire, and in any order: what is heard in another
place within `ECHO` of the place that is known says nothing. In two VLANs of one interface it is not the same frame, so
nothing is an echo; without a tag it may be, as a switch that mirrors a port may send both forms. Otherwise the host has
to be silent in its known place for `SETTLE` to have moved. When it is heard there again before, or comes back within
`RETURN`, two hosts have one MAC: while that is known, one has moved that is heard elsewhere alone for `RETURN`.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from fibrix.domain.census.moment import SECOND

ECHO: Final = SECOND // 5
SETTLE: Final = 2 * SECOND
RETURN: Final = 30 * SECOND
TELL_AGAIN: Final = 3_600 * SECOND
"""A host that stays in two places is told of once in so long."""

Place: TypeAlias = tuple[str, int]


class Turn(Enum):
    """What became of a host that is heard in a place."""

    STAYS = "stays"
    ECHOES = "echoes"  # it was heard already, in its place
    WAITS = "waits"  # it may have moved: `Wander.since` says since when
    MOVED = "moved"
    DUPLICATE = "duplicate"  # to be told of
    FLAPS = "flaps"  # in both places, as it was told


@dataclass(slots=True, eq=False)
class Wander:
    """What is known of a host besides its place, while it is heard elsewhere and for a while after. Times in µs."""

    other: Place | None = None  # where it is heard as well; None: nowhere
    since: int = 0
    latest: int = 0  # when it was heard in the other place
    home: int = 0  # when it was heard in its own
    left: Place | None = None  # whence it moved
    left_at: int = 0
    told: int = 0  # when it was told that it is in two places; 0: not lately

    def idle(self, at: int) -> bool:
        """Whether there is nothing left to remember."""
        over = self.left is None or at - self.left_at >= RETURN
        return self.other is None and over and not self._is_told(at)

    @property
    def settles(self) -> int | None:
        """When it has moved, if nothing is heard of it until then; None: never by that."""
        return None if self.other is None or self.told else self.since + SETTLE

    def at_home(self, home: Place, at: int) -> Turn:
        """It is heard in its place."""
        other, self.other = self.other, None
        if other is None or (at - self.latest <= ECHO and _echo(home, other)):
            return Turn.STAYS
        return self._both(at)

    def away(self, place: Place, home: Place, at: int) -> Turn:
        """It is heard elsewhere. On MOVED, DUPLICATE and FLAPS by a return, the caller puts it there."""
        if self.other is None and at - self.home <= ECHO and _echo(home, place):
            return Turn.ECHOES
        if self.left == place and at - self.left_at < RETURN:
            return self._both(at)
        if self.other != place:
            self.other, self.since = place, at
        self.latest = at
        settle = RETURN if self._is_told(at) else SETTLE
        return Turn.MOVED if at - self.since >= settle else Turn.WAITS

    def move(self, home: Place, at: int) -> None:
        """It has left its place."""
        self.other, self.left, self.left_at = None, home, at

    def _both(self, at: int) -> Turn:
        if self._is_told(at):
            return Turn.FLAPS
        self.told = at
        return Turn.DUPLICATE

    def _is_told(self, at: int) -> bool:
        return bool(self.told) and at - self.told < TELL_AGAIN


def _echo(home: Place, other: Place) -> bool:
    """Whether one frame may be heard in both."""
    return home[0] != other[0] or not home[1] or not other[1]
