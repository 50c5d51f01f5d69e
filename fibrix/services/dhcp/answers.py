"""Answers that are stored and have to leave: not all of a big batch at once, or a relay's socket overflows."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from fibrix.runtime.clock import monotonic_s

T = TypeVar("T")

_PAUSE_S: Final = 0.001
_PER_S: Final = 32_000.0
_MOST: Final = 64  # at once, after a pause: a socket has room for some 160 by default


class Answers(Generic[T]):
    """What leaves at an even pace, first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[T] = deque()
        self._some = asyncio.Event()
        self._may = 0.0  # so many
        self._as_of_s = 0.0

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

    def due(self, now_s: float) -> list[T]:
        """Those that may leave now: who sends something anyway takes them with it. `now_s` is monotonic."""
        self._may = min(_MOST, self._may + (now_s - self._as_of_s) * _PER_S)
        self._as_of_s = now_s
        count = min(int(self._may), len(self._waiting))
        self._may -= count
        return [self._waiting.popleft() for _ in range(count)]

    async def run(self, carry_out: Callable[[Sequence[T]], None]) -> None:
        """Hand over what is due, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                if due := self.due(monotonic_s()):
                    carry_out(due)
                if self._waiting:
                    await asyncio.sleep(_PAUSE_S)
