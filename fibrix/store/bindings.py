"""The rack's bindings: what the DHCP server promised, whatever happens to the process or the power supply.

They are a log: a commit appends rows, and the newest row of an address counts. So a commit dirties the log's last page
or two, however many addresses it is about. Rows that are superseded are known in memory, by number, and each commit
takes a piece of them along when there are many: it needs no search, no task and no sync of its own, and what a crash
leaves half done is whole, because a piece is in the log or out of it. Live rows never move.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final

import msgspec
from msgspec.structs import astuple

from fibrix.domain.binding import Binding, BindingState
from fibrix.store.db import Database
from fibrix.store.superseded import Round, Superseded
from fibrix.store.transaction import Row, Transaction

_LEFT: Final = "left"
_LET_STAND: Final = 10_000  # superseded rows that are not worth dropping: some 1 MB
_PIECE: Final = 256  # 0.1 ms
_PIECE_PER_ROW: Final = 2  # so that they become fewer, however full the commits are

# One step for many rows, here and there: SQLite's module lets go of the interpreter, and waits for it again, at each.
_READ: Final = """
    SELECT json_group_array(json_array(seq, address, state = 'left', subnet, mac, state, hostname, since_us, until_us))
    FROM (SELECT * FROM binding_log WHERE seq < ? ORDER BY seq DESC LIMIT ?)
"""
_PAGE: Final = 500  # rows that are in memory while the log is read
_END: Final = (1 << 63) - 1

# FAIL where ABORT would be enough: for that SQLite copies what it changes, to undo this statement alone.
_APPEND: Final = """
    INSERT OR FAIL INTO binding_log (address, subnet, mac, state, hostname, since_us, until_us)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    FROM json_each(?)
"""
_DROP: Final = "DELETE FROM binding_log WHERE seq IN (SELECT value FROM json_each(?))"
_SHIFT: Final = "UPDATE OR FAIL binding_log SET since_us = since_us + ?1, until_us = until_us + ?1"


@dataclass(frozen=True, slots=True)
class _Commit:
    """What one commit does."""

    shift_us: int
    rows: Sequence[Row]
    round: Round
    piece: Sequence[int]

    def carry_out(self, transaction: Transaction) -> int:
        """Give the number of the last row that was appended."""
        if self.shift_us:
            transaction.execute(_SHIFT, (self.shift_us,))
        if self.piece:
            transaction.execute(_DROP, (_json(self.piece),))
        return transaction.insert(_APPEND, (_json(self.rows),)) if self.rows else 0


class Bindings:
    """Fits the port `fibrix.domain.ports.bindings.Bindings`, on the rack's database. One at a time has a database.

    Once `all` was called, superseded rows are dropped: when there are more than `let_stand`, and more than half as many
    as live ones, each commit drops `piece` of them, or two for each row that it appends.
    """

    def __init__(self, database: Database, *, let_stand: int = _LET_STAND, piece: int = _PIECE) -> None:
        self.database = database
        self._let_stand = let_stand
        self._piece = piece
        self._superseded: Superseded | None = None

    async def all(self) -> Sequence[Binding]:
        """The newest binding of each address, in the order in which they were written. Raises StoreError."""
        return await self.database.write(self._read)  # not by a reader: between two commits, so that none is missed

    async def commit(self, bindings: Sequence[Binding], *, shift_us: int = 0) -> None:
        """Store them in one transaction and return when it is on the disk. Raises StoreError: none is stored."""
        rows, going = _rows(bindings), Round(()) if self._superseded is None else self._superseded.round
        commit = _Commit(shift_us, rows, going, going.piece(max(self._piece, _PIECE_PER_ROW * len(rows))))
        await self.database.write(partial(self._write, commit))

    def _read(self, transaction: Transaction) -> list[Binding]:
        superseded = Superseded(self._let_stand)
        bindings = [_binding(row) for row in superseded.read(_backwards(transaction))]
        bindings.reverse()
        transaction.on_commit(partial(self._know, superseded))
        return bindings

    def _know(self, superseded: Superseded) -> None:
        self._superseded = superseded

    def _write(self, commit: _Commit, transaction: Transaction) -> None:
        transaction.on_commit(partial(self._wrote, commit, commit.carry_out(transaction)))

    def _wrote(self, commit: _Commit, last: int) -> None:
        """Follow the log: also when who committed was cancelled meanwhile."""
        if commit.piece:
            commit.round.dropped(commit.piece)
        if self._superseded is not None:
            first = last - len(commit.rows) + 1
            self._superseded.wrote((seq, row[0], row[3] == _LEFT) for seq, row in zip(count(first), commit.rows))


def _backwards(transaction: Transaction) -> Iterator[Row]:
    """All rows of the log, the newest first."""
    before = _END
    while rows := _ROWS.decode(transaction.execute(_READ, (before, _PAGE))[0][0]):
        yield from rows
        before = rows[-1][0]


def _rows(bindings: Sequence[Binding]) -> list[Row]:
    """What is appended, the columns in the order of a binding's fields: one row for each address, those left first.

    So the last row of the log is live, and never dropped: SQLite would give its number to another row.
    """
    newest = {binding.number: binding for binding in bindings}
    left = {binding.left: binding for binding in bindings if binding.left and _is_left(binding, newest)}
    rows = [(number, one.subnet, one.mac, _LEFT, "", one.since_us, one.since_us) for number, one in left.items()]
    return rows + [astuple(binding) for number, binding in newest.items() if number not in left]


def _is_left(binding: Binding, newest: dict[int, Binding]) -> bool:
    """Whether nobody has the address that a machine left. Not told by the order in which they are committed.

    A caller that lets a binding take the place of an older one of the same address keeps no order between addresses.
    """
    now = newest.get(binding.left)
    return now is None or (now.mac == binding.mac and now.since_us < binding.since_us)


def _json(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()


_ROWS: Final = msgspec.json.Decoder(list[tuple[int, int, int, str, str, str, str, int, int]])
_STATES: Final = {state.value: state for state in BindingState}


def _binding(row: Row) -> Binding:
    _seq, number, _left, subnet, mac, state, hostname, since_us, until_us = row
    return Binding(
        number=number,
        subnet=sys.intern(subnet),
        mac=mac,
        state=_STATES[state],
        hostname=hostname,
        since_us=since_us,
        until_us=until_us,
    )
