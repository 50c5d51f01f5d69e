"""Reservations: addresses that one MAC always gets."""

from collections.abc import Sequence
from functools import partial
from ipaddress import IPv4Address
from typing import Self

from fibrix.domain.network import Reservation
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction
from fibrix.types import MacAddress


class Reservations:
    """All reservations by subnet, in memory for reading."""

    def __init__(self) -> None:
        self._subnets: dict[str, dict[MacAddress, Reservation]] = {}

    @classmethod
    async def load(cls, db: Database) -> Self:
        """Read them all. Raises StoreError."""
        reservations = cls()
        for subnet, mac, address, hostname in await db.rows("SELECT subnet, mac, address, hostname FROM reservations"):
            reservations._put(subnet, Reservation(mac=mac, address=IPv4Address(address), hostname=hostname))
        return reservations

    def of_subnet(self, subnet: str) -> Sequence[Reservation]:
        """The reservations of a subnet, by address."""
        return sorted(self._subnets.get(subnet, {}).values(), key=lambda r: r.address)

    def read(self, tx: Transaction) -> list[Reservation]:
        """Read those of all subnets as of this transaction."""
        rows = tx.execute("SELECT mac, address, hostname FROM reservations")
        return [Reservation(mac=mac, address=IPv4Address(address), hostname=name) for mac, address, name in rows]

    def insert(self, tx: Transaction, subnet: str, reservation: Reservation) -> None:
        """Reserve an address. Raises ConflictError that says who has it, or what the MAC has."""
        rows = tx.execute(
            "SELECT mac, address FROM reservations WHERE subnet = ? AND (mac = ? OR address = ?)",
            (subnet, reservation.mac, str(reservation.address)),
        )
        if rows:
            mac, address = rows[0]
            raise ConflictError(f"in subnet {subnet} the address {address} is reserved for {mac}: give it back first")
        tx.execute(
            "INSERT INTO reservations (subnet, mac, address, hostname) VALUES (?, ?, ?, ?)",
            (subnet, reservation.mac, str(reservation.address), reservation.hostname),
        )
        tx.on_commit(partial(self._put, subnet, reservation))

    def delete(self, tx: Transaction, subnet: str, mac: MacAddress) -> None:
        """Give an address back. Raises NotFoundError."""
        if not tx.execute("DELETE FROM reservations WHERE subnet = ? AND mac = ? RETURNING mac", (subnet, mac)):
            raise NotFoundError(f"in subnet {subnet} nothing is reserved for {mac}")
        tx.on_commit(partial(self._drop, subnet, mac))

    def _put(self, subnet: str, reservation: Reservation) -> None:
        """Take a committed reservation into memory."""
        self._subnets.setdefault(subnet, {})[reservation.mac] = reservation

    def _drop(self, subnet: str, mac: MacAddress) -> None:
        """Forget a reservation whose removal is committed."""
        self._subnets[subnet].pop(mac, None)
