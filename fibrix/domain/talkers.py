"""Who sends the most: counted in bounded memory, however many senders are made up."""

from collections import Counter
from typing import Final

from fibrix.types import MacAddress

_WINDOW_S: Final = 60.0
_MOST: Final = 2_048  # senders that are counted at a time


class Talkers:
    """Messages by sender over the last one or two windows of a minute.

    When there are too many senders, everyone's count goes down by one and who is at none is forgotten (the algorithm
    of Misra and Gries): who sends more than a 2,048th of all messages stays, and no count is ever too high.
    """

    def __init__(self) -> None:
        self._now: dict[MacAddress, int] = {}
        self._before: dict[MacAddress, int] = {}
        self._since_s = 0.0

    def heard(self, mac: MacAddress, now_s: float) -> int:
        """Count a message; gives how many there were of this sender. `now_s` is monotonic."""
        if now_s - self._since_s >= _WINDOW_S:
            recent = now_s - self._since_s < 2 * _WINDOW_S
            self._before, self._now, self._since_s = self._now if recent else {}, {}, now_s
        counts = self._now
        count = counts.get(mac, 0) + 1
        if count > 1 or len(counts) < _MOST:
            counts[mac] = count
        else:
            self._now = {one: left - 1 for one, left in counts.items() if left > 1}
        return count + self._before.get(mac, 0)

    def top(self, most: int, now_s: float) -> list[tuple[MacAddress, int]]:
        """The loudest senders with their counts, loudest first."""
        age_s = now_s - self._since_s
        if age_s >= 2 * _WINDOW_S:
            return []
        before = Counter(self._before) if age_s < _WINDOW_S else Counter[MacAddress]()
        return (Counter(self._now) + before).most_common(most)
