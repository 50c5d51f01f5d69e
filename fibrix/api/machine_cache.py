"""Machines as JSON, made once for each version of each machine: a list is put together from what is there already.

A machine is a frozen value, so that the object itself says which version it is. What is long to do for a fleet of ten
thousand is done in short slices, between which the loop serves others: no DHCP answer waits for a list.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from fibrix.api.listing import ListQuery, Page, Shown, answer, cut, fitting, ordering_of, selection_of
from fibrix.api.lists.match import Fits
from fibrix.api.lists.order import Order
from fibrix.api.route import Encoded, Reply
from fibrix.api.views import MachineView, machine_view
from fibrix.domain.access import Caller, Role
from fibrix.domain.machine import Machine
from fibrix.runtime.clock import monotonic_s, utc_now
from fibrix.types import MachineId

OLDEST_FIRST: Final = "created_at"

_SLICE: Final = 64
_BREATH_S: Final = 0.002
_SPARE: Final = 1000  # so many machines that are gone are kept before they are looked for

Show = Callable[[Machine], Shown[MachineView]]
Choose = Callable[[Machine], bool]


class MachineCache:
    """What is shown of machines, by kind of caller: a tenant's users see less of a machine than the region's."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._shown: dict[bool, dict[MachineId, tuple[Machine, Shown[MachineView]]]] = {True: {}, False: {}}
        self._sorted: tuple[Sequence[Machine], list[Machine]] = ((), [])

    def one(self, machine: Machine, caller: Caller) -> Encoded[MachineView]:
        """Show one machine."""
        known = self._shown[caller.role is Role.TENANT].get(machine.id)
        shown = known[1] if known is not None and known[0] is machine else self._show_to(caller)(machine)
        return Encoded(shown.data, shown.tag)

    async def page(
        self, machines: Sequence[Machine], caller: Caller, query: ListQuery, choose: Choose | None = None
    ) -> Reply[Encoded[Page[MachineView]]]:
        """Show a page of all machines that the caller sees, or of those of them that `choose` takes.

        Raises InvalidError.
        """
        show = self._show_to(caller)
        if caller.role is not Role.TENANT:
            self._forget(machines)
        fits = fitting(MachineView, query, self._now())
        order = ordering_of(MachineView, query.sort or OLDEST_FIRST, _id)
        selection = selection_of(MachineView, query)
        if fits is None and not query.sort:
            ordered = self._oldest_first(machines, choose)
        else:
            ordered = await _chosen(machines if choose is None else [*filter(choose, machines)], show, fits, order)
        members, cursor = cut(ordered, query, order, show)
        return answer(await _ready(members, show), cursor, query, selection)

    def _show_to(self, caller: Caller) -> Show:
        """Give what shows machines to a caller."""
        kept = self._shown[caller.role is Role.TENANT]

        def show(machine: Machine) -> Shown[MachineView]:
            found = kept.get(machine.id)
            if found is not None and found[0] is machine:
                return found[1]
            shown = Shown(machine_view(machine, caller))
            kept[machine.id] = (machine, shown)
            return shown

        return show

    def _oldest_first(self, machines: Sequence[Machine], choose: Choose | None) -> Sequence[Machine]:
        """Put machines in order by age, unless they are the very same as the last time."""
        if choose is not None:
            return sorted(filter(choose, machines), key=_age)
        if not isinstance(machines, tuple):  # made for this request: the next will have another
            return sorted(machines, key=_age)
        known, ordered = self._sorted
        if known is not machines:
            ordered = sorted(machines, key=_age)
            self._sorted = (machines, ordered)
        return ordered

    def _forget(self, machines: Sequence[Machine]) -> None:
        """Let go of machines that were deleted."""
        for kept in self._shown.values():
            if len(kept) > len(machines) + _SPARE:
                for gone in kept.keys() - {machine.id for machine in machines}:
                    del kept[gone]


class _Breath:
    """Lets others run when something long has run for a while."""

    def __init__(self) -> None:
        self._since = monotonic_s()

    async def take(self) -> None:
        """Do so, if it is time."""
        if monotonic_s() - self._since > _BREATH_S:
            await asyncio.sleep(0)
            self._since = monotonic_s()


async def _chosen(
    machines: Sequence[Machine], show: Show, fits: Fits | None, order: Order[MachineView]
) -> Sequence[Machine]:
    """Choose machines and put them in order."""
    chosen: list[Machine] = []
    weights: list[tuple[Any, ...]] = []
    breath = _Breath()
    for part in _slices(machines):
        found = [machine for machine in part if fits is None or fits(show(machine).view)]
        chosen += found
        weights += [order.weigh(show(machine).view) for machine in found]
        await breath.take()
    return [chosen[number] for number in order.arrange(weights)]


async def _ready(machines: Sequence[Machine], show: Show) -> list[Shown[MachineView]]:
    """Have the JSON of machines made."""
    ready: list[Shown[MachineView]] = []
    breath = _Breath()
    for part in _slices(machines):
        ready += [show(machine) for machine in part]
        for shown in ready[-len(part) :]:
            shown.make()
        await breath.take()
    return ready


def _slices(machines: Sequence[Machine]) -> Iterator[Sequence[Machine]]:
    return (machines[start : start + _SLICE] for start in range(0, len(machines), _SLICE))


def _age(machine: Machine) -> tuple[datetime, MachineId]:
    return machine.created_at, machine.id


def _id(view: MachineView) -> str:
    return view.id
