"""Makes the rack's snapshot from what is stored, after every change: only what the change touched is made anew."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from fibrix.config import Config
from fibrix.controllers.ports import Keys, Store
from fibrix.domain.boot_choice import boot_action
from fibrix.domain.census.hiding import HiddenNetwork
from fibrix.domain.machine import Machine
from fibrix.domain.network import Subnet
from fibrix.domain.power import Bmc
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.types import MacAddress

K = TypeVar("K")
V = TypeVar("V")


class RackSnapshots:
    """The region's side of the hand-over: `refresh` builds a snapshot and puts it into the cell that the rack reads.

    A stored value is frozen, so that the object itself says whether it changed. A snapshot never changes: the next one
    shares what stayed, and gets copies of the tables in which something did not.
    """

    def __init__(
        self,
        store: Store,
        keys: Keys,
        cell: Cell[RackSnapshot],
        config: Config,
        subnets: Callable[[], tuple[Subnet, ...]],
        ephemeral: Callable[[], str],
    ) -> None:
        self._store = store
        self._keys = keys
        self._cell = cell
        self._config = config
        self._subnets = subnets
        self._ephemeral = ephemeral
        self._machines: Sequence[Machine] = ()  # those that the present snapshot was made from

    def refresh(self) -> None:
        """Hand the present state over, if it differs from what the rack has."""
        old = self._cell.value
        subnets, ephemeral, console = self._subnets(), self._ephemeral(), self._config.boot.console
        hidden = _same(old.hidden, tuple(self._store.of(HiddenNetwork).all()))
        new = replace(old, subnets=_same(old.subnets, subnets), hidden=hidden, ephemeral=ephemeral, console=console)
        new = self._with_machines(new)
        before, after = ((one.subnets, one.boot, one.bmcs, one.hidden) for one in (old, new))
        moved = any(a is not b for a, b in zip(before, after, strict=True))
        if moved or (old.ephemeral, old.console) != (ephemeral, console):
            self._cell.replace(replace(new, generation=old.generation + 1))

    def _with_machines(self, snapshot: RackSnapshot) -> RackSnapshot:
        """Bring boot entries and BMCs up to date with the machines that are not the ones seen last."""
        machines = self._store.machines()
        if machines is self._machines:
            return snapshot
        gone, come = _differences(self._machines, machines)
        self._machines = machines
        boot = dict(entry for machine in come for entry in self._entries(machine))
        bmcs = {machine.id: self._bmc(machine) for machine in come if machine.accepted}
        return replace(
            snapshot,
            boot=_changed(snapshot.boot, boot, {mac for machine in gone for mac in machine.macs}),
            bmcs=_changed(snapshot.bmcs, bmcs, {machine.id for machine in gone}),
        )

    def _entries(self, machine: Machine) -> list[tuple[MacAddress, BootEntry]]:
        action = boot_action(machine)
        entry = BootEntry(machine=machine.id, action=action, hostname=machine.name)
        if action is BootAction.EPHEMERAL and machine.boot:
            url = f"http://{{address}}:{self._config.machines.port}/agent/v1/"
            entry = replace(entry, agent_url=url, token=self._keys.derive(f"boot/{machine.boot.id}"))
        return [(mac, entry) for mac in machine.macs]

    def _bmc(self, machine: Machine) -> Bmc:
        return Bmc(
            machine=machine.id,
            settings=machine.power,
            password=self._store.password(machine.id),
            macs=machine.macs,
            uefi=machine.uefi,
        )


def _same(old: tuple[V, ...], new: tuple[V, ...]) -> tuple[V, ...]:
    """Keep the old tuple where its members are the very ones."""
    return old if len(old) == len(new) and all(a is b for a, b in zip(old, new, strict=True)) else new


def _differences(old: Sequence[Machine], new: Sequence[Machine]) -> tuple[list[Machine], list[Machine]]:
    """Find the versions that went and those that came. A machine keeps its place, so mostly the places tell."""
    if len(old) == len(new):
        pairs = [(before, after) for before, after in zip(old, new, strict=True) if before is not after]
        return [before for before, _ in pairs], [after for _, after in pairs]
    were, are = set(map(id, old)), set(map(id, new))
    return [one for one in old if id(one) not in are], [one for one in new if id(one) not in were]


def _changed(table: dict[K, V], put: dict[K, V], gone: set[K]) -> dict[K, V]:
    """Give a table with what came and without what went; the very same where that changes nothing."""
    new = {key: value for key, value in put.items() if table.get(key) != value}
    lost = {key for key in gone if key in table and key not in put}
    if not new and not lost:
        return table
    made = table | new
    for key in lost:
        del made[key]
    return made
