"""The rack's bindings: what the DHCP server promised, whatever happens to the process or the power supply."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fibrix.domain.binding import Binding, BindingState
from fibrix.store.db import Database
from fibrix.store.transaction import Row, Transaction

_ALL: Final = "SELECT address, subnet, mac, state, hostname, since_us, until_us FROM bindings ORDER BY since_us"

# One statement for a whole batch: SQLite's module lets go of the interpreter, and waits for it again, at each step.
_PUT: Final = """
    INSERT OR REPLACE INTO bindings (address, subnet, mac, state, hostname, since_us, until_us)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    FROM json_each(?)
"""
_DROP: Final = "DELETE FROM bindings WHERE address IN (SELECT value FROM json_each(?))"
_SHIFT: Final = "UPDATE bindings SET since_us = since_us + ?1, until_us = until_us + ?1"


class Bindings:
    """Fits the port `fibrix.domain.ports.bindings.Bindings`, on the rack's database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def all(self) -> Sequence[Binding]:
        """Every binding there is. Raises StoreError."""
        return [_binding(row) for row in await self.database.rows(_ALL)]

    async def commit(self, bindings: Sequence[Binding], *, shift_us: int = 0) -> None:
        """Store them in one transaction and return when it is on the disk. Raises StoreError: none is stored."""
        newest: dict[int, Binding | None] = {}
        for binding in bindings:
            if binding.left:
                newest[binding.left] = None
            newest[binding.number] = binding
        gone = [number for number, binding in newest.items() if binding is None]
        rows = [_row(binding) for binding in newest.values() if binding is not None]
        await self.database.write(lambda transaction: _put(transaction, rows, gone, shift_us))


def _put(transaction: Transaction, rows: Sequence[Row], gone: Sequence[int], shift_us: int) -> None:
    if shift_us:
        transaction.execute(_SHIFT, (shift_us,))
    if gone:
        transaction.execute(_DROP, (msgspec.json.encode(gone).decode(),))
    if rows:
        transaction.execute(_PUT, (msgspec.json.encode(rows).decode(),))


def _row(binding: Binding) -> Row:
    return (
        binding.number,
        binding.subnet,
        binding.mac,
        binding.state.value,
        binding.hostname,
        binding.since_us,
        binding.until_us,
    )


_STATES: Final = {state.value: state for state in BindingState}


def _binding(row: Row) -> Binding:
    number, subnet, mac, state, hostname, since_us, until_us = row
    return Binding(
        number=number,
        subnet=subnet,
        mac=mac,
        state=_STATES[state],
        hostname=hostname,
        since_us=since_us,
        until_us=until_us,
    )
