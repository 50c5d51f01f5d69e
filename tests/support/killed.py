"""Serves the API of tests in a process of its own, to be killed: `python -m tests.support.killed FOLDER`."""

import asyncio
import sys
from pathlib import Path

from tests.support.site import served


async def main(folder: Path) -> None:
    """Serve until killed; the first line on standard output is the address."""
    async with served(folder) as site:
        sys.stdout.write(f"{site.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
