"""What is decided and not yet on the disk."""

import asyncio

from msgspec.structs import replace

from fibrix.services.dhcp.endpoint import Endpoint
from fibrix.services.dhcp.outcome import Outcome


class Unstored:
    """Outcomes with a binding, the newest of each address: what comes later replaces it. `some` is set when one comes.

    A batch is taken, and then either `stored` or `failed`.
    """

    def __init__(self) -> None:
        self.some = asyncio.Event()
        self._waiting: dict[int, tuple[Endpoint, Outcome]] = {}  # by address
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
        self._taken = self._shift_us = self._taken_shift_us = 0

    def add(self, number: int, endpoint: Endpoint, outcome: Outcome) -> None:
        """Let an outcome about an address wait."""
        before = self._waiting.get(number)
        self._waiting[number] = (endpoint, outcome if before is None else _after(before[1], outcome))
        self.some.set()

    def shift(self, by_us: int) -> None:
        """The clock was set: move what waits, and with the next batch what is on the disk."""
        self._waiting = {number: _shifted(one, by_us) for number, one in self._waiting.items()}
        self._shift_us += by_us
        self.some.set()

    def take(self) -> tuple[list[tuple[Endpoint, Outcome]], int]:
        """All that waits, and how far what is on the disk has to be moved."""
        self.some.clear()
        batch, self._waiting = list(self._waiting.values()), {}
        self._taken, self._taken_shift_us, self._shift_us = len(batch), self._shift_us, 0
        return batch, self._taken_shift_us

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


def _after(before: Outcome, outcome: Outcome) -> Outcome:
    """What replaces an outcome about the same address that was not stored yet: that its machine moved still counts."""
    old, new = before.binding, outcome.binding
    if old is None or new is None or not old.left or new.left:
        return outcome
    return replace(outcome, binding=replace(new, left=old.left))
