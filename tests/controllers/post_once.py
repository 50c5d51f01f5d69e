"""Delivers to the webhooks of a store until it is killed: `python -m tests.controllers.post_once STATE_DIR`."""

import asyncio
import sys
from pathlib import Path

from tests.controllers.postal import office


async def main(state_dir: Path) -> None:
    async with office(state_dir) as o, o.delivering():
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
