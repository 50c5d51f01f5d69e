"""The rack's hosts: what was heard on the wire, kept over a restart."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from fibrix.domain.binding import instant_us
from fibrix.domain.census.host import Host
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction
from fibrix.types import MacAddress

_PAGE: Final = "SELECT mac, host FROM hosts WHERE mac > ? ORDER BY mac LIMIT ?"

# One statement for a whole batch: SQLite's module lets go of the interpreter, and waits for it again, at each step.
_PUT: Final = """
    INSERT OR REPLACE INTO hosts (mac, last_us, host) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)
"""
_DROP: Final = "DELETE FROM hosts WHERE mac = ?"
_DROP_SILENT: Final = "DELETE FROM hosts WHERE last_us < ?"
_DROP_OVER: Final = """
    DELETE FROM hosts WHERE mac IN (
        SELECT mac FROM hosts ORDER BY last_us LIMIT max(0, (SELECT count(*) FROM hosts) - ?)
    )
"""
_NOBODY: Final = -1


class Hosts:
    """Fits the port `fibrix.domain.ports.hosts.Hosts`, on the rack's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, after: MacAddress | None, most: int) -> Sequence[Host]:
        """Hosts in the order of their MACs, behind one. What cannot be read is left out. Raises StoreError."""
        last = _NOBODY if after is None else _number(after)
        while rows := await self._database.rows(_PAGE, (last, most)):
            last = rows[-1][0]
            if found := [host for _, text in rows if (host := _read(text)) is not None]:
                return found
        return ()

    async def commit(self, hosts: Sequence[Host], *, most: int, since: datetime) -> None:
        """Store hosts, forget the longest silent. Raises StoreError."""
        await self._database.write(_work(hosts, most, since))

    async def drop(self, macs: Sequence[MacAddress]) -> None:
        """Forget these hosts. Raises StoreError."""
        numbers = [(_number(mac),) for mac in macs]
        await self._database.write(lambda transaction: transaction.executemany(_DROP, numbers))

    def post(self, hosts: Sequence[Host], *, most: int, since: datetime) -> None:
        """Do the same some time soon."""
        self._database.post(_work(hosts, most, since))


def _work(hosts: Sequence[Host], most: int, since: datetime) -> Callable[[Transaction], None]:
    def work(transaction: Transaction) -> None:
        rows = [(_number(host.mac), instant_us(host.last), msgspec.json.encode(host).decode()) for host in hosts]
        transaction.execute(_PUT, (msgspec.json.encode(rows).decode(),))
        transaction.execute(_DROP_SILENT, (instant_us(since),))
        transaction.execute(_DROP_OVER, (most,))

    return work


def _number(mac: MacAddress) -> int:
    return int(mac.replace(":", ""), 16)


def _read(text: str) -> Host | None:
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError:  # of a Fibrix that knew other fields; it will be heard again
        return None


_DECODER: Final = msgspec.json.Decoder(Host)
