"""The pace of a replay: that of its captures, or some times that."""

import time
from threading import Event
from typing import Final

_SECOND: Final = 1_000_000
_BACK: Final = -10 * _SECOND
_LEAP: Final = 86_400 * _SECOND


class Pace:
    """Waits until it is time for what happens next."""

    def __init__(self, speed: float) -> None:
        """`speed`: how many seconds of the capture pass in one."""
        self._speed = speed
        self._last_us: int | None = None
        self._until = time.monotonic()
        self._never = Event()

    def wait(self, at_us: int) -> None:
        """Wait as long as the capture did since the time before; over a leap of more than a day not at all."""
        if self._last_us is None:
            self._last_us, self._until = at_us, time.monotonic()
        passed = at_us - self._last_us
        if _BACK < passed <= 0:  # a packet that is a little late
            return
        self._last_us = at_us
        if 0 < passed < _LEAP:
            self._until += passed / _SECOND / self._speed
            self._never.wait(max(0.0, self._until - time.monotonic()))
