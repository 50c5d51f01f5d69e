"""Machines: one row each, and all of them in memory for reading."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

import msgspec
from msgspec.structs import replace

from fibrix.domain.machine import Machine
from fibrix.domain.state import State
from fibrix.errors import ConflictError, InvalidError, NotFoundError
from fibrix.store.codec import time_text
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction
from fibrix.types import MacAddress, MachineId, TenantId, parse_mac

_DECODER = msgspec.json.Decoder(Machine)


class Machines:
    """Reading sees the last commit; what takes a transaction sees that transaction and those before it."""

    def __init__(self) -> None:
        self._machines: dict[MachineId, Machine] = {}
        self._names: dict[str, MachineId] = {}
        self._macs: dict[MacAddress, MachineId] = {}
        self._all: tuple[Machine, ...] | None = None  # until one of them changes

    @classmethod
    async def load(cls, db: Database) -> Self:
        """Read them all. Raises StoreError."""
        machines = cls()
        found = [_DECODER.decode(body) for (body,) in await db.rows("SELECT body FROM machines")]
        for machine in sorted(found, key=lambda m: (m.created_at, m.id)):
            machines._put(machine)
        return machines

    def get(self, machine: MachineId) -> Machine:
        """Find by id. Raises NotFoundError."""
        found = self._machines.get(machine)
        if found is None:
            raise NotFoundError(f"there is no machine {machine}")
        return found

    def find(self, key: str) -> Machine:
        """Find by id, name or MAC, however that is written. Raises NotFoundError."""
        machine = self._machines.get(MachineId(key)) or self._machines.get(self._names.get(key, MachineId("")))
        if machine is None:
            try:
                machine = self.by_mac(parse_mac(key))
            except InvalidError:
                machine = None
        if machine is None:
            raise NotFoundError(f"there is no machine {key!r}")
        return machine

    def by_mac(self, mac: MacAddress) -> Machine | None:
        """Find by one of its MACs."""
        return self._machines.get(self._macs.get(mac, MachineId("")))

    def all(self) -> Sequence[Machine]:
        """All machines, oldest first; the very same tuple until one of them changes."""
        if self._all is None:
            self._all = tuple(self._machines.values())
        return self._all

    def read(self, tx: Transaction, machine: MachineId) -> Machine:
        """Read one as of this transaction. Raises NotFoundError."""
        rows = tx.execute("SELECT body FROM machines WHERE id = ?", (machine,))
        if not rows:
            raise NotFoundError(f"there is no machine {machine}")
        return _DECODER.decode(rows[0][0])

    def chosen(self, tx: Transaction, state: State | None, tenant: TenantId | None) -> list[Machine]:
        """Read those in a state, of a tenant, or both, as of this transaction, oldest first; None: any."""
        asked = [
            (condition, value)
            for condition, value in (("state = ?", state and state.value), ("tenant = ?", tenant))
            if value is not None
        ]
        where = " AND ".join(condition for condition, _ in asked) or "1 = 1"
        rows = tx.execute(f"SELECT body FROM machines WHERE {where}", [value for _, value in asked])  # noqa: S608 - ours
        return sorted((_DECODER.decode(body) for (body,) in rows), key=lambda m: (m.created_at, m.id))

    def insert(self, tx: Transaction, machine: Machine) -> None:
        """Add one. Raises ConflictError that says whose its name or MAC is."""
        _refuse_name_of_another(tx, machine)
        tx.execute(
            "INSERT INTO machines (id, name, state, deadline, tenant, body) VALUES (?, ?, ?, ?, ?, ?)",
            (machine.id, *_columns(machine)),
        )
        _insert_macs(tx, machine)
        tx.on_commit(partial(self._put, machine))

    def update(self, tx: Transaction, machine: MachineId, change: Callable[[Machine], Machine]) -> Machine:
        """Change the newest version of one and count its revision up. Raises NotFoundError, ConflictError."""
        before = self.read(tx, machine)
        after = replace(change(before), revision=before.revision + 1)
        if after.name != before.name:
            _refuse_name_of_another(tx, after)
        tx.execute(
            "UPDATE machines SET name = ?, state = ?, deadline = ?, tenant = ?, body = ? WHERE id = ?",
            (*_columns(after), machine),
        )
        if after.macs != before.macs:
            tx.execute("DELETE FROM machine_macs WHERE machine = ?", (machine,))
            _insert_macs(tx, after)
        tx.on_commit(partial(self._put, after))
        return after

    def delete(self, tx: Transaction, machine: MachineId) -> None:
        """Remove one with its MACs. Raises NotFoundError."""
        self.read(tx, machine)
        tx.execute("DELETE FROM machines WHERE id = ?", (machine,))
        tx.on_commit(partial(self._drop, machine))

    def _put(self, machine: Machine) -> None:
        """Take a committed version into memory; a machine keeps its place among the others."""
        self._all = None
        before = self._machines.get(machine.id)
        if before is not None:
            self._forget_keys(before)
        self._machines[machine.id] = machine
        self._names[machine.name] = machine.id
        self._macs.update(dict.fromkeys(machine.macs, machine.id))

    def _drop(self, machine: MachineId) -> None:
        """Forget a machine whose removal is committed."""
        self._all = None
        self._forget_keys(self._machines.pop(machine))

    def _forget_keys(self, machine: Machine) -> None:
        """Remove its name and MACs from the indexes, but not those that another one has by now."""
        if self._names.get(machine.name) == machine.id:
            del self._names[machine.name]
        for mac in machine.macs:
            if self._macs.get(mac) == machine.id:
                del self._macs[mac]


def _columns(machine: Machine) -> tuple[str, str, str | None, str, str]:
    """Make the columns name, state, deadline, tenant and body."""
    deadline = None if machine.deadline is None else time_text(machine.deadline)
    return machine.name, machine.state.value, deadline, machine.tenant, msgspec.json.encode(machine).decode()


def _refuse_name_of_another(tx: Transaction, machine: Machine) -> None:
    """Raise ConflictError when the name is in use."""
    rows = tx.execute("SELECT id FROM machines WHERE name = ? AND id <> ?", (machine.name, machine.id))
    if rows:
        raise ConflictError(f"the name {machine.name!r} is in use by machine {rows[0][0]}: choose another")


def _insert_macs(tx: Transaction, machine: Machine) -> None:
    """Claim its MACs. Raises ConflictError."""
    for mac in machine.macs:
        rows = tx.execute(
            "SELECT id, name FROM machine_macs JOIN machines ON id = machine WHERE mac = ? AND id <> ?",
            (mac, machine.id),
        )
        if rows:
            raise ConflictError(f"the MAC {mac} belongs to machine {rows[0][1]} ({rows[0][0]})")
    tx.executemany("INSERT INTO machine_macs (mac, machine) VALUES (?, ?)", [(mac, machine.id) for mac in machine.macs])
