"""Commits bindings as fast as the disk takes them, and says on standard output what is acknowledged, to be killed.

`python -m tests.store.binding_stream FOLDER` goes on with the bindings that are there. Lines: `? ` and a commit's
bindings as JSON before it, `ok` once it is on the disk.
"""

import asyncio
import random
import sys
from pathlib import Path

import msgspec
from msgspec.structs import replace

from fibrix.domain.binding import Binding
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database

PER_COMMIT = 16


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(folder: Path) -> None:
    """Renew some, move others to addresses that nobody has."""
    async with Database(folder / "rack.db", "rack") as database:
        store = Bindings(database, let_stand=0)
        held = {one.number: one for one in await store.all()}
        free = max(held) + 1
        while True:
            commit = list[Binding]()
            for number in random.sample(sorted(held), PER_COMMIT):
                before = held.pop(number)
                now = replace(before, until_us=before.until_us + 1)
                if random.random() < 0.3:
                    now, free = replace(now, number=free, since_us=before.since_us + 1, left=number), free + 1
                held[now.number] = now
                commit.append(now)
            say("? " + msgspec.json.encode(commit).decode())
            await store.commit(commit)
            say("ok")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
