"""Script runs and what they printed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from fibrix.domain.machine import ScriptRun
from fibrix.errors import NotFoundError
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction
from fibrix.types import MachineId, RunId

OUTPUT_BYTES: Final = 4 * 1024 * 1024
"""The output of one run is kept up to here; the rest is counted only."""

_AT_ONCE: Final = 500
"""So many machines are looked up by one statement: SQLite takes so many parameters, whatever it was built with."""

_DECODER = msgspec.json.Decoder(ScriptRun)
_OF_MACHINE: Final = "SELECT body FROM script_runs WHERE machine = ? ORDER BY number"


class Runs:
    """Runs are read from the disk: there are many of them, and few are looked at."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_machine(self, machine: MachineId) -> list[ScriptRun]:
        """All runs of a machine, oldest first. Raises StoreError."""
        return [_DECODER.decode(body) for (body,) in await self._db.rows(_OF_MACHINE, (machine,))]

    async def of_machines(self, machines: Sequence[MachineId]) -> Mapping[MachineId, Sequence[ScriptRun]]:
        """All runs of many machines, each one's oldest first; one that had none is left out. Raises StoreError."""
        found: dict[MachineId, list[ScriptRun]] = {}
        for start in range(0, len(machines), _AT_ONCE):
            part = machines[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            sql = f"SELECT body FROM script_runs WHERE machine IN ({marks}) ORDER BY number"  # noqa: S608 - marks only
            for (body,) in await self._db.rows(sql, part):
                run = _DECODER.decode(body)
                found.setdefault(run.machine, []).append(run)
        return found

    async def output(self, run: RunId) -> bytes:
        """What a run printed, its first 4 MiB. Raises StoreError."""
        rows = await self._db.rows("SELECT data FROM run_output WHERE run = ? ORDER BY at_byte", (run,))
        return b"".join(data for (data,) in rows)

    def list(self, tx: Transaction, machine: MachineId) -> list[ScriptRun]:
        """All runs of a machine as of this transaction, oldest first."""
        return [_DECODER.decode(body) for (body,) in tx.execute(_OF_MACHINE, (machine,))]

    def read(self, tx: Transaction, run: RunId) -> ScriptRun:
        """Read one as of this transaction. Raises NotFoundError."""
        rows = tx.execute("SELECT body FROM script_runs WHERE id = ?", (run,))
        if not rows:
            raise NotFoundError(f"there is no script run {run}")
        return _DECODER.decode(rows[0][0])

    def insert(self, tx: Transaction, run: ScriptRun) -> None:
        """Add one, as the newest. Raises ConflictError (its id is in use)."""
        tx.execute(
            "INSERT INTO script_runs (id, machine, state, number, body)"
            " SELECT ?, ?, ?, coalesce(max(number), 0) + 1, ? FROM script_runs",
            (run.id, run.machine, run.state.value, _body(run)),
        )

    def update(self, tx: Transaction, run: RunId, change: Callable[[ScriptRun], ScriptRun]) -> ScriptRun:
        """Change the newest version of one. Raises NotFoundError."""
        changed = change(self.read(tx, run))
        tx.execute("UPDATE script_runs SET body = ? WHERE id = ?", (_body(changed), run))
        return changed

    def append_output(self, tx: Transaction, run: RunId, offset: int, data: bytes) -> int:
        """Keep output from byte `offset` on; how many bytes are known now. Raises NotFoundError.

        What is known already is skipped, so that saying it twice changes nothing. Output that would leave a gap is not
        taken: the sender goes on from the number that it is told.
        """
        known = self.read(tx, run).output_bytes
        new = data[max(0, known - offset) :]
        if offset > known or not new:
            return known
        if kept := new[: max(0, OUTPUT_BYTES - known)]:
            tx.execute("INSERT INTO run_output (run, at_byte, data) VALUES (?, ?, ?)", (run, known, kept))
        return self.update(tx, run, lambda r: replace(r, output_bytes=known + len(new))).output_bytes

    def delete_for(self, tx: Transaction, machine: MachineId) -> None:
        """Forget a machine's runs and their output."""
        tx.execute("DELETE FROM script_runs WHERE machine = ?", (machine,))


def _body(run: ScriptRun) -> str:
    """Make the column body."""
    return msgspec.json.encode(run).decode()
