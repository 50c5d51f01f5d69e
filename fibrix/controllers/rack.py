"""Makes the rack's snapshot from what is stored, after every change: only what the change touched is made anew."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fibrix.config import Config
from fibrix.controllers.ports import Keys, Store
from fibrix.domain.boot_choice import boot_action
from fibrix.domain.machine import Machine
from fibrix.domain.network import Subnet
from fibrix.domain.power import Bmc
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.types import MacAddress, MachineId


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
        self._seen: dict[MachineId, Machine] = {}

    def refresh(self) -> None:
        """Hand the present state over, if it differs from what the rack has."""
        old = self._cell.value
        subnets, ephemeral, console = self._subnets(), self._ephemeral(), self._config.boot.console
        new = replace(old, subnets=_same(old.subnets, subnets), ephemeral=ephemeral, console=console)
        new = self._with_machines(new)
        before = (old.subnets, old.boot, old.bmcs)
        moved = any(a is not b for a, b in zip(before, (new.subnets, new.boot, new.bmcs), strict=True))
        if moved or (old.ephemeral, old.console) != (ephemeral, console):
            self._cell.replace(replace(new, generation=old.generation + 1))

    def _with_machines(self, snapshot: RackSnapshot) -> RackSnapshot:
        """Bring boot entries and BMCs up to date with the machines that are not the ones seen last."""
        machines = self._store.machines()
        if machines is self._machines:
            return snapshot
        present = {machine.id: machine for machine in machines}
        gone = [machine for key, machine in self._seen.items() if present.get(key) is not machine]
        come = [machine for key, machine in present.items() if self._seen.get(key) is not machine]
        self._machines, self._seen = machines, present
        boot, bmcs = dict(snapshot.boot), dict(snapshot.bmcs)
        for machine in gone:
            bmcs.pop(machine.id, None)
            for mac in machine.macs:
                if mac in boot and boot[mac].machine == machine.id:
                    del boot[mac]
        for machine in come:
            boot.update(self._entries(machine))
            if machine.accepted:
                bmcs[machine.id] = self._bmc(machine)
        same_boot, same_bmcs = boot == snapshot.boot, bmcs == snapshot.bmcs
        return replace(snapshot, boot=snapshot.boot if same_boot else boot, bmcs=snapshot.bmcs if same_bmcs else bmcs)

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


def _same(old: tuple[Subnet, ...], new: tuple[Subnet, ...]) -> tuple[Subnet, ...]:
    """Keep the old tuple where its members are the very ones."""
    return old if len(old) == len(new) and all(a is b for a, b in zip(old, new, strict=True)) else new
