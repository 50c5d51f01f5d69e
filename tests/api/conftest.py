"""The API, served over loopback from a real store, and a client that has the admin's key."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.site import Site, served


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An API that is being served."""
    async with served(tmp_path) as opened:
        yield opened


@pytest.fixture
async def http(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with the admin's key."""
    async with site.client() as session:
        yield session
