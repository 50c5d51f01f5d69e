"""Which rows of a log are superseded, and which of them go next. Kept in memory: nothing has to look for them."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fibrix.store.transaction import Row

_LIVE_PER_SUPERSEDED: Final = 2


class Round:
    """Superseded rows that are dropped piece by piece, in the order of the log: those of a page go together."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = array("Q", numbers)
        self._dropped = 0

    @property
    def over(self) -> bool:
        """Whether all are dropped."""
        return self._dropped == len(self._numbers)

    def piece(self, most: int) -> list[int]:
        """Those that go next; the same again until they are `dropped`, so that a piece that failed is not left out."""
        return self._numbers[self._dropped : self._dropped + most].tolist()

    def dropped(self, piece: Sequence[int]) -> None:
        """A piece is gone from the disk."""
        self._dropped = max(self._dropped, bisect_right(self._numbers, piece[-1]))


class Superseded:
    """Follows a log. Its rows begin: their number, from 1; the address; whether it was left.

    Rows go in rounds. One begins when more than `let_stand` rows are superseded, and more than half as many as are
    live. A row that says that an address was left is superseded by itself, and goes behind all that it supersedes.
    """

    def __init__(self, let_stand: int) -> None:
        self.round = Round(())
        self._let_stand = let_stand
        self._newest: dict[int, int] = {}  # by address, the number of its live row
        self._waiting = array("Q")  # for the next round

    def read(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Take all that is there, from the end of the log on, before more is written. Give the live ones."""
        newest, waiting, left = self._newest, self._waiting, set[int]()
        for row in rows:
            number, address = row[0], row[1]
            if address in newest or address in left:
                waiting.append(number)
            elif row[2]:
                waiting.append(number)
                left.add(address)
            else:
                newest[address] = number
                yield row
        self._begin()

    def wrote(self, rows: Iterable[Row]) -> None:
        """Take the next rows of the log."""
        newest, waiting = self._newest, self._waiting
        for row in rows:
            number, address = row[0], row[1]
            if before := newest.get(address):
                waiting.append(before)
            if row[2]:
                waiting.append(number)
                newest.pop(address, None)
            else:
                newest[address] = number
        self._begin()

    def _begin(self) -> None:
        """Begin a round when it is time."""
        if self.round.over and len(self._waiting) > max(self._let_stand, len(self._newest) // _LIVE_PER_SUPERSEDED):
            self.round, self._waiting = Round(sorted(self._waiting)), array("Q")
