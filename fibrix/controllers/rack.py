"""Makes the rack's snapshot from what is stored, anew after every change."""

from collections.abc import Callable

from msgspec.structs import replace

from fibrix.config import Config
from fibrix.controllers.ports import Keys, Store
from fibrix.domain.boot_choice import boot_action
from fibrix.domain.machine import Machine
from fibrix.domain.network import Subnet
from fibrix.domain.power import Bmc
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.types import MacAddress


class RackSnapshots:
    """The region's side of the hand-over: `refresh` builds a snapshot and puts it into the cell that the rack reads."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        cell: Cell[RackSnapshot],
        config: Config,
        subnets: tuple[Subnet, ...],
        ephemeral: Callable[[], str],
    ) -> None:
        self._store = store
        self._keys = keys
        self._cell = cell
        self._config = config
        self._subnets = subnets
        self._ephemeral = ephemeral

    def refresh(self) -> None:
        """Hand the present state over, if it differs from what the rack has."""
        old = self._cell.value
        new = self._build(old.generation)
        if new != old:
            self._cell.replace(replace(new, generation=old.generation + 1))

    def _build(self, generation: int) -> RackSnapshot:
        machines = self._store.machines()
        return RackSnapshot(
            generation=generation,
            subnets=tuple(replace(s, reservations=tuple(self._store.reservations(s.name))) for s in self._subnets),
            boot={mac: entry for m in machines for mac, entry in self._entries(m)},
            bmcs={m.id: self._bmc(m) for m in machines if m.accepted},
            ephemeral=self._ephemeral(),
            console=self._config.boot.console,
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
