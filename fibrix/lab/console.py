"""Showing a serial console: a file that grows."""

import asyncio
from pathlib import Path
from typing import BinaryIO, Final

_POLL_S: Final = 0.2
_CHUNK_BYTES: Final = 65536


async def follow(path: Path, out: BinaryIO, *, going_on: bool) -> None:
    """Copy a file to `out`; with `going_on` for ever, as it grows."""
    with path.open("rb") as file:
        while True:
            while chunk := file.read(_CHUNK_BYTES):
                out.write(chunk)
            out.flush()
            if not going_on:
                return
            await asyncio.sleep(_POLL_S)
