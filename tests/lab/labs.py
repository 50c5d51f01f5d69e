"""Labs of a test's own, that are gone when it ends."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fibrix.lab.rack import Rack
from fibrix.lab.spec import LabSpec

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a lab needs root: it makes network namespaces")


def traces(name: str) -> list[str]:
    """Everything of a lab that the machine still knows of: processes, namespaces, mounts."""
    found = [str(path) for path in Path("/run/netns").glob(f"fx-{name}-*")]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if f"fx-{name}-" in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"lab-{name}/" in command or f"fx-{name}-" in command:
            found.append(command)
    return found


@asynccontextmanager
async def lab(name: str, state_dir: Path, **shape: Any) -> AsyncIterator[Rack]:
    """A lab that is up."""
    rack = Rack(LabSpec(name=name, **shape), state_dir)
    await rack.up()
    try:
        yield rack
    finally:
        await rack.down()
