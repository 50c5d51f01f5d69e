"""The addresses of one subnet: which are taken, which were never used, which have been free the longest."""

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain
from typing import Final, TypeAlias

from fibrix.domain.address_plan import AddressPlan
from fibrix.domain.binding import Binding
from fibrix.domain.network import Subnet
from fibrix.types import MacAddress

_HEAP_SLACK: Final = 4  # the heap is rebuilt when it holds this many times more entries than there are bindings
_HEAP_LEAST: Final = 256  # entries below which that is not worth it
_NEAR: Final = 64  # places looked at from where a MAC points to
_SWEEP: Final = 4_096  # places looked at per search of a nearly full pool: the rest is for the next search

Clear: TypeAlias = Callable[[Sequence[int]], Sequence[int]]
"""Of many addresses those for which nobody answered on the wire, in their order."""


class Pool:
    """Refuses nobody: `Leases` does. Each step takes the same time however full it is."""

    def __init__(self, subnet: Subnet, bindings: Iterable[Binding], offered: Iterable[int] = ()) -> None:
        """`bindings`: those whose address is in the subnet's network. `offered`: addresses that are on offer."""
        self.plan = AddressPlan(subnet)
        self.idle: OrderedDict[int, None] = OrderedDict()  # was bound, expired, not on offer: longest ago first
        self._taken: dict[int, Binding] = {}  # the newest binding of each address that anyone may have
        self._live: set[int] = set()  # of those, the ones that have not expired
        self._offered = set(offered)
        self._returned: OrderedDict[int, None] = (
            OrderedDict()
        )  # never bound, or forgotten, and free: found without a search
        self._cursor = 0
        self._swept = 0  # places looked at in vain since something could have changed; all of them: none is unused
        for binding in bindings:
            if self.plan.dynamic(binding.number):
                self._taken[binding.number] = binding
        self._live.update(self._taken)
        self._heap = self._entries()

    @property
    def live(self) -> int:
        """Addresses of the ranges that are bound or rest, as of the last `expire`."""
        return len(self._live)

    def expire(self, now_us: int) -> None:
        """Move what has expired to the idle addresses."""
        heap = self._heap
        while heap and heap[0][0] <= now_us:
            until, number = heappop(heap)
            binding = self._taken.get(number)
            if binding is not None and binding.until_us == until and number in self._live:
                self._live.discard(number)
                if number not in self._offered:
                    self.idle[number] = None

    def keep(self, binding: Binding) -> None:
        """Take the newest binding of an address."""
        number = binding.number
        if number not in self._taken and not self.plan.dynamic(number):
            return
        self._taken[number] = binding
        self._live.add(number)
        self.idle.pop(number, None)
        self._returned.pop(number, None)
        heappush(self._heap, (binding.until_us, number))
        if len(self._heap) > max(_HEAP_LEAST, _HEAP_SLACK * len(self._taken)):
            self._heap = self._entries()

    def forget(self, number: int) -> None:
        """The machine that had this address has another one."""
        if self._taken.pop(number, None) is not None:
            self._live.discard(number)
            self.idle.pop(number, None)
            if number not in self._offered:
                self._returned[number] = None

    def offered(self, number: int) -> None:
        """Someone is offered this address: no search finds it."""
        self._offered.add(number)
        self.idle.pop(number, None)
        self._returned.pop(number, None)

    def lapsed(self, number: int) -> None:
        """An offer of this address is over: it can be found again."""
        self._offered.discard(number)
        if number in self._taken:
            if number not in self._live:
                self.idle[number] = None
        elif self.plan.dynamic(number):
            self._returned[number] = None

    def for_newcomer(self, mac: MacAddress, clear_of: Clear) -> int | None:
        """Find an address for a machine that has no claim to any: one that nobody ever had, else one that is idle.

        First those near the place that its MAC points to, of them those that `clear_of` knows to be clear.
        """
        taken, offered, apart = self._taken, self._offered, self.plan.apart
        near = self._near(mac)
        for number in chain(clear_of(near), near):
            if number not in taken and number not in offered and number not in apart:
                return number
        found = next(iter(self._returned), None)
        if found is None and self.plan.size > _NEAR:  # else all of it is near
            found = self._sweep()
        return next(iter(self.idle), None) if found is None else found

    def _near(self, mac: MacAddress) -> Sequence[int]:
        """Addresses near the place that a MAC points to, whoever has them; none, if it is known that none is unused."""
        size = self.plan.size
        return self.plan.stretch(zlib.crc32(mac.encode()) % size, _NEAR) if self._swept < size else ()

    def _sweep(self) -> int | None:
        """Look through all places, some at a time; when all were looked at in vain there is nothing to find."""
        size = self.plan.size
        for _ in range(min(_SWEEP, size - self._swept)):
            number = self.plan.nth(self._cursor)
            self._cursor = (self._cursor + 1) % size
            self._swept += 1
            if number not in self._taken and number not in self._offered and number not in self.plan.apart:
                self._swept = 0
                return number
        return None

    def _entries(self) -> list[tuple[int, int]]:
        """The heap anew, from the bindings as they are."""
        heap = [(binding.until_us, number) for number, binding in self._taken.items() if number in self._live]
        heapify(heap)
        return heap
