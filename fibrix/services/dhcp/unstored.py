"""What is decided and not yet on the disk."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from fibrix.domain.binding import Binding
from fibrix.services.dhcp.endpoint import Endpoint
from fibrix.services.dhcp.outcome import Outcome


class Batch(NamedTuple):
    """What is stored in one commit."""

    outcomes: Sequence[tuple[Endpoint, Outcome]]
    bindings: Sequence[Binding]  # the oldest first
    shift_us: int  # by so much what is on the disk has to be moved before


class Unstored:
    """Outcomes with a binding, the newest of each address: what comes later replaces it. `some` is set when one comes.

    That a machine moved counts even so: the binding that tells it is stored along. A batch is taken, and then either
    `stored` or `failed`.
    """

    def __init__(self) -> None:
        self.some = asyncio.Event()
        self._waiting: dict[int, tuple[Endpoint, Outcome]] = {}  # by address
        self._moved: list[Binding] = []  # replaced ones, whose machines left another address
        self._taken = 0
        self._shift_us = 0  # by so much the times on the disk have to be moved: the clock was set
        self._taken_shift_us = 0

    def __len__(self) -> int:
        """How many wait, or are being written."""
        return len(self._waiting) + self._taken

    @property
    def waiting(self) -> int:
        """How many are not yet being written."""
        return len(self._waiting)

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()
        self._moved.clear()
        self._taken = self._shift_us = self._taken_shift_us = 0

    def add(self, number: int, endpoint: Endpoint, outcome: Outcome) -> None:
        """Let an outcome about an address wait."""
        before = self._waiting.get(number)
        if before is not None and (old := before[1].binding) is not None and old.left:
            self._moved.append(old)
        self._waiting[number] = (endpoint, outcome)
        self.some.set()

    def shift(self, by_us: int) -> None:
        """The clock was set: move what waits, and with the next batch what is on the disk."""
        self._waiting = {number: _shifted(one, by_us) for number, one in self._waiting.items()}
        self._moved = [binding.shifted(by_us) for binding in self._moved]
        self._shift_us += by_us
        self.some.set()

    def take(self) -> Batch:
        """All that waits."""
        self.some.clear()
        outcomes, self._waiting = list(self._waiting.values()), {}
        moved, self._moved = self._moved, []
        self._taken, self._taken_shift_us, self._shift_us = len(outcomes), self._shift_us, 0
        bindings = moved + [outcome.binding for _, outcome in outcomes if outcome.binding is not None]
        return Batch(outcomes, bindings, self._taken_shift_us)

    def stored(self) -> None:
        """The batch is on the disk."""
        self._taken = self._taken_shift_us = 0

    def failed(self) -> None:
        """The batch is not, and is given up; what is on the disk was not moved."""
        self._shift_us += self._taken_shift_us
        self.stored()


def _shifted(waiting: tuple[Endpoint, Outcome], by_us: int) -> tuple[Endpoint, Outcome]:
    endpoint, outcome = waiting
    binding = None if outcome.binding is None else outcome.binding.shifted(by_us)
    return endpoint, replace(outcome, binding=binding)
