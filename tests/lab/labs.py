"""Labs of a test's own, that are gone when it ends."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fibrix.lab.rack import Rack
from fibrix.lab.spec import LabSpec

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a lab needs root: it makes network namespaces")


async def until(seen: Callable[[], bool]) -> None:
    """Wait until something is so; the test's own time limit ends it."""
    while True:
        if seen():
            return
        await asyncio.sleep(0.01)


@asynccontextmanager
async def lab(name: str, state_dir: Path, **shape: Any) -> AsyncIterator[Rack]:
    """A lab that is up."""
    rack = Rack(LabSpec(name=name, **shape), state_dir)
    await rack.up()
    try:
        yield rack
    finally:
        await rack.down()
