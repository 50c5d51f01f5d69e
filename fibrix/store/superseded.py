"""Which rows of a log are superseded, and which of them go next. Kept in memory: nothing has to look for them."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
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
    """Follows a log from its first row on.

    Rows go in rounds. One begins when more than `let_stand` rows are superseded, and more than half as many as are
    live. A row that says that an address was left is superseded by itself, and goes behind all that it supersedes.
    """

    def __init__(self, let_stand: int) -> None:
        self.round = Round(())
        self._let_stand = let_stand
        self._newest: dict[int, int] = {}  # by address, the number of its live row
        self._waiting = array("Q")  # for the next round

    def wrote(self, rows: Iterable[Row]) -> None:
        """Take the next rows of the log. Each begins: its number, from 1; the address; whether it was left."""
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
        if self.round.over and len(waiting) > max(self._let_stand, len(newest) // _LIVE_PER_SUPERSEDED):
            self.round, self._waiting = Round(sorted(waiting)), array("Q")

    def live(self, rows: Iterable[Row]) -> list[Row]:
        """Those of these rows that nothing supersedes."""
        newest = self._newest
        return [row for row in rows if newest.get(row[1]) == row[0]]
