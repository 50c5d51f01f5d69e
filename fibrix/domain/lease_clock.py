"""The time by which leases run: wall time whose steps are noticed, so that no lease grows or shrinks with them."""

from typing import Final

from fibrix.domain.binding import SECOND_US

_STEP_US: Final = SECOND_US  # a difference below is drift, and followed


class LeaseClock:
    """Compares the wall clock with one that nobody sets.

    Leases are real spans of time: when the wall clock was set, all their times have to be moved as far
    (`Leases.shift`), and then the new wall time is right.
    """

    def __init__(self, wall_us: int, steady_us: int) -> None:
        self._wall_us = wall_us
        self._steady_us = steady_us
        self._now_us = wall_us

    def read(self, wall_us: int, steady_us: int) -> tuple[int, int]:
        """Give the time, and how far the wall clock was set since the last reading (0: it was not).

        Both in microseconds. Between two steps the time never goes back.
        """
        step_us = (wall_us - self._wall_us) - (steady_us - self._steady_us)
        self._wall_us, self._steady_us = wall_us, steady_us
        if abs(step_us) < _STEP_US:
            self._now_us = max(self._now_us, wall_us)
            return self._now_us, 0
        self._now_us = wall_us
        return wall_us, step_us
