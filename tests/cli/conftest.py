"""The command line as its users start it: a process, against an API on a unix socket."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import msgspec
import pytest

from tests.support.site import Site, key_of, served


class Ended(msgspec.Struct, frozen=True):
    """How a command ended."""

    status: int
    out: str
    err: str


Command = Callable[..., Coroutine[None, None, Ended]]


async def run_command(*words: str, stdin: bytes = b"", **environ: str) -> Ended:
    """Run `python -m fibrix` with these words, in an environment without settings of this machine's."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FIBRIX_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fibrix",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean | {"PYTHONPATH": str(Path(__file__).parents[2]), "TZ": "UTC"} | environ,
    )
    out, err = await process.communicate(stdin)
    return Ended(process.returncode or 0, out.decode(errors="replace"), err.decode())


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An API that is being served, with its admin key in the state folder."""
    (tmp_path / "admin.key").write_text(f"{key_of('admin')}\n")
    async with served(tmp_path) as opened:
        yield opened


@pytest.fixture
def fibrix(site: Site) -> Command:
    """The command line of that controller."""

    async def run(*words: str, stdin: bytes = b"", **environ: str) -> Ended:
        return await run_command("--state-dir", str(site.state_dir), *words, stdin=stdin, **environ)

    return run
