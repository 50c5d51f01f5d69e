"""What became of frames, by protocol; and a limit on those that take time to read."""

from dataclasses import dataclass
from typing import Final

from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.sighting import Means


@dataclass(slots=True)
class Count:
    """Frames of one protocol."""

    read: int = 0
    malformed: int = 0  # no codec accepts them
    unproved: int = 0  # they read well and do not check out: what they say is not believed
    limited: int = 0  # not looked at: too many came


class Limit:
    """How many frames of a protocol are read in a second: of one sender, and of all. Its memory is bounded by that."""

    PER_SENDER: Final = 20
    ALL: Final = 2_000

    def __init__(self) -> None:
        self._second = -1
        self._by_sender: dict[tuple[bytes, Means], int] = {}
        self._by_means: dict[Means, int] = {}

    def admits(self, sender: bytes, means: Means, at_us: int) -> bool:
        """Whether one more is read."""
        if at_us // SECOND != self._second:
            self._second = at_us // SECOND
            self._by_sender.clear()
            self._by_means.clear()
        of_all = self._by_means.get(means, 0)
        of_sender = self._by_sender.get((sender, means), 0)
        if of_all >= self.ALL or of_sender >= self.PER_SENDER:
            return False
        self._by_means[means] = of_all + 1
        self._by_sender[sender, means] = of_sender + 1
        return True
