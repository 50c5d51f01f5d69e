"""The API, served over loopback, and a client that has a key."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.region import KEY
from tests.support.api import Region, serving


@pytest.fixture
async def region(tmp_path: Path) -> AsyncIterator[Region]:
    """An API that is being served."""
    region = Region(tmp_path)
    async with serving(region.service()):
        yield region


@pytest.fixture
async def http(region: Region) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with a key."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(region.url, headers=headers) as session:
        yield session
