"""Stores in temporary folders."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fibrix.bus import Bus
from fibrix.store.db import Database


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
async def db(tmp_path: Path, bus: Bus) -> AsyncIterator[Database]:
    async with Database(tmp_path / "region.db", "region", bus) as database:
        yield database
