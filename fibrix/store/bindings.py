"""The rack's bindings: what the DHCP server promised, whatever happens to the process or the power supply."""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.lease import Binding, BindingState
from fibrix.store.db import Database
from fibrix.store.transaction import Row, Transaction
from fibrix.types import MacAddress

_COLUMNS: Final = "address, subnet, mac, state, hostname, since, expires_at"

# The address that a machine moved away from is free again, and nothing has to be remembered of it.
_FORGET: Final = "DELETE FROM bindings WHERE subnet = ? AND mac = ? AND address <> ? AND state <> 'declined'"
_PUT: Final = f"""
    INSERT INTO bindings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (address) DO UPDATE SET subnet = excluded.subnet, mac = excluded.mac, state = excluded.state,
        hostname = excluded.hostname, since = excluded.since, expires_at = excluded.expires_at
"""  # noqa: S608 - the only thing put in is the constant above


class Bindings:
    """Fits the port `fibrix.domain.ports.bindings.Bindings`, on the rack's database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def all(self) -> Sequence[Binding]:
        """Every binding there is. Raises StoreError."""
        rows = await self.database.rows(f"SELECT {_COLUMNS} FROM bindings")  # noqa: S608
        return [_binding(row) for row in rows]

    async def commit(self, bindings: Sequence[Binding]) -> None:
        """Store them in one transaction and return when it is on the disk. Raises StoreError: none is stored."""
        await self.database.write(lambda transaction: _put(transaction, bindings))


def _put(transaction: Transaction, bindings: Sequence[Binding]) -> None:
    for binding in bindings:
        if binding.state is not BindingState.DECLINED:
            transaction.execute(_FORGET, (binding.subnet, binding.mac, str(binding.address)))
        transaction.execute(_PUT, _row(binding))


def _row(binding: Binding) -> Row:
    return (
        str(binding.address),
        binding.subnet,
        binding.mac,
        binding.state.value,
        binding.hostname,
        binding.since.isoformat(timespec="microseconds"),
        binding.expires_at.isoformat(timespec="microseconds"),
    )


def _binding(row: Row) -> Binding:
    address, subnet, mac, state, hostname, since, expires_at = row
    return Binding(
        address=IPv4Address(address),
        subnet=subnet,
        mac=MacAddress(mac),
        state=BindingState(state),
        hostname=hostname,
        since=datetime.fromisoformat(since),
        expires_at=datetime.fromisoformat(expires_at),
    )
