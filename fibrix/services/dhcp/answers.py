"""Answers that are stored and have to leave: not all of a big batch at once, or a relay's socket overflows."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from fibrix.runtime.clock import monotonic_s

T = TypeVar("T")

_PAUSE_S: Final = 0.001  # from one burst to the next
_BURST: Final = 64  # answers that leave at once, and after each pause
_MOST: Final = 192  # and after a pause that became longer: a socket has room for some 250 by default


class Answers(Generic[T]):
    """What leaves in bursts, first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[T] = deque()
        self._some = asyncio.Event()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def add(self, answers: Sequence[T]) -> None:
        """Let these leave soon."""
        self._waiting.extend(answers)
        self._some.set()

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()

    async def run(self, carry_out: Callable[[Sequence[T]], None]) -> None:
        """Hand over burst by burst, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            before_s = monotonic_s()
            while self._waiting:
                now_s = monotonic_s()
                burst = min(_MOST, max(_BURST, int((now_s - before_s) / _PAUSE_S * _BURST)), len(self._waiting))
                before_s = now_s
                carry_out([self._waiting.popleft() for _ in range(burst)])
                if self._waiting:
                    await asyncio.sleep(_PAUSE_S)
