"""Writes events into a store as fast as it takes them, and says on standard output which ones are acknowledged.

Run by tests in a process of its own, to be killed or starved: `python -m tests.store.stream FOLDER COUNT [BYTES]`.
"""

import asyncio
import resource
import sys
from functools import partial
from pathlib import Path

from fibrix.errors import StoreError
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction
from tests.store.events import added

WRITERS = 8


def write(tx: Transaction, text: str) -> int:
    """Change a table and append the event that tells of it, in one unit."""
    seq = tx.append(added(text)).seq
    tx.execute("INSERT INTO secrets (owner, sealed) VALUES (?, ?)", (f"{seq}", text.encode()))
    return seq


async def writer(db: Database, count: int, text: str) -> None:
    for _ in range(count):
        seq = await db.write(partial(write, text=text))
        sys.stdout.write(f"{seq}\n")
        sys.stdout.flush()


async def main(folder: Path, count: int) -> None:
    """Several writers at once, so that batches hold more than one unit."""
    async with Database(folder / "region.db", "region") as db, asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(writer(db, count, "x"))


async def starve(folder: Path, limit_bytes: int) -> None:
    """Fill the store up to a limit on the size of a file, then lift the limit and write once more."""
    async with Database(folder / "region.db", "region") as db:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))
        try:
            await writer(db, 1_000_000, "x" * 2_000)
        except StoreError as exc:
            sys.stdout.write(f"refused: {exc}\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await writer(db, 1, "after")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
    else:
        asyncio.run(starve(Path(sys.argv[1]), int(sys.argv[3])))
