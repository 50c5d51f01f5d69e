"""Reservations: addresses that one client always gets."""

from collections.abc import Sequence
from functools import partial
from ipaddress import IPv4Address
from typing import Final, Self

from fibrix.domain.network import DhcpOption, Reservation
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store import plain
from fibrix.store.db import Database
from fibrix.store.transaction import Row, Transaction
from fibrix.types import MacAddress

_COLUMNS: Final = "client, address, hostname, options"
_OPTIONS: Final = plain.decoder(tuple[DhcpOption, ...])
_BY_IDENTIFIER: Final = "id:"


class Reservations:
    """All reservations by subnet, in memory for reading."""

    def __init__(self) -> None:
        self._subnets: dict[str, dict[str, Reservation]] = {}
        self._sorted: dict[str, tuple[Reservation, ...]] = {}  # until one of the subnet's changes

    @classmethod
    async def load(cls, db: Database) -> Self:
        """Read them all. Raises StoreError."""
        reservations = cls()
        for subnet, *row in await db.rows(f"SELECT subnet, {_COLUMNS} FROM reservations"):  # noqa: S608 - ours
            reservations._put(subnet, _reservation(row))
        return reservations

    def of_subnet(self, subnet: str) -> Sequence[Reservation]:
        """The reservations of a subnet, by address; the very same tuple until one of them changes."""
        found = self._sorted.get(subnet)
        if found is None:
            there = self._subnets.get(subnet, {}).values()
            found = self._sorted[subnet] = tuple(sorted(there, key=lambda r: r.address))
        return found

    def read(self, tx: Transaction, subnet: str = "") -> list[Reservation]:
        """Read those of a subnet, or of all, as of this transaction."""
        where, values = ("WHERE subnet = ?", (subnet,)) if subnet else ("", ())
        return [_reservation(row) for row in tx.execute(f"SELECT {_COLUMNS} FROM reservations {where}", values)]  # noqa: S608

    def insert(self, tx: Transaction, subnet: str, reservation: Reservation) -> None:
        """Reserve an address. Raises ConflictError that says who has it, or what the client has."""
        self._refuse_taken(tx, subnet, reservation, "client = ? OR")
        tx.execute(
            f"INSERT INTO reservations (subnet, {_COLUMNS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608
            (subnet, *_row(reservation)),
        )
        tx.on_commit(partial(self._put, subnet, reservation))

    def update(self, tx: Transaction, subnet: str, reservation: Reservation) -> None:
        """Change what is reserved for a client. Raises NotFoundError, ConflictError: somebody else has the address."""
        self._refuse_taken(tx, subnet, reservation, "client <> ? AND")
        client, *values = _row(reservation)
        sql = "UPDATE reservations SET address = ?, hostname = ?, options = ? WHERE subnet = ? AND client = ?"
        if not tx.execute(f"{sql} RETURNING client", (*values, subnet, client)):
            raise NotFoundError(f"in subnet {subnet} nothing is reserved for {client}")
        tx.on_commit(partial(self._put, subnet, reservation))

    def delete(self, tx: Transaction, subnet: str, client: str) -> None:
        """Give an address back. Raises NotFoundError."""
        sql = "DELETE FROM reservations WHERE subnet = ? AND client = ? RETURNING client"
        if not tx.execute(sql, (subnet, client)):
            raise NotFoundError(f"in subnet {subnet} nothing is reserved for {client}")
        tx.on_commit(partial(self._drop, subnet, client))

    def _refuse_taken(self, tx: Transaction, subnet: str, reservation: Reservation, also: str) -> None:
        sql = f"SELECT client, address FROM reservations WHERE subnet = ? AND ({also} address = ?)"  # noqa: S608
        rows = tx.execute(sql, (subnet, reservation.client, str(reservation.address)))
        if rows:
            client, address = rows[0]
            raise ConflictError(
                f"in subnet {subnet} the address {address} is reserved for {client}: give it back first"
            )

    def _put(self, subnet: str, reservation: Reservation) -> None:
        """Take a committed reservation into memory."""
        self._subnets.setdefault(subnet, {})[reservation.client] = reservation
        self._sorted.pop(subnet, None)

    def _drop(self, subnet: str, client: str) -> None:
        """Forget a reservation whose removal is committed."""
        self._subnets[subnet].pop(client, None)
        self._sorted.pop(subnet, None)


def _row(reservation: Reservation) -> Row:
    address, options = str(reservation.address), plain.encode(reservation.options)
    return (reservation.client, address, reservation.hostname, options)


def _reservation(row: Sequence[str]) -> Reservation:
    client, address, hostname, options = row
    identified = client.startswith(_BY_IDENTIFIER)
    return Reservation(
        mac=MacAddress("" if identified else client),
        client_id=client.removeprefix(_BY_IDENTIFIER) if identified else "",
        address=IPv4Address(address),
        hostname=hostname,
        options=_OPTIONS.decode(options),
    )
