"""schemathesis against the served API: every route, with data that its description allows and data that it does not."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from fibrix.domain.state import State
from tests.support.hosts import host, news
from tests.support.site import Site, key_of

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("FIBRIX_SCHEMA_EXAMPLES", "8")
"""Test cases for each route and phase; more of them find more and take longer."""
SEED = os.environ.get("FIBRIX_SCHEMA_SEED", "1")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", ["admin", "acme"])
async def test_the_api_is_what_its_document_says(site: Site, tmp_path: Path, who: str) -> None:
    for name, state in (("web-1", State.READY), ("web-2", State.NEW), ("web-3", State.DEPLOYED)):
        await site.put(name, state, tenant="" if state is State.NEW else "t000000001")
    await site.rig.core.keeper.take(news([host("52:54:00:00:00:01", "192.168.1.30")]))
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")),
        *("--config-file", str(CONFIG), "run", f"{site.url}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {key_of(who)}", "--checks", "all"),
        *("--max-examples", EXAMPLES, "--seed", SEED, "--request-timeout", "40", "--no-color"),
        # Two workers parse Python at once, which CPython before 3.11.8 takes for a fault of its own (gh-106905).
        *("--workers", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode(errors="replace")[-8000:]
