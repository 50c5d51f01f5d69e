"""A whole controller as its users have it: a process of its own, in a namespace, reached by its socket."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fibrix.errors import ClientError
from fibrix.runtime.client import Client


@asynccontextmanager
async def controller(folder: Path, namespace: str, config: str) -> AsyncIterator[Client]:
    """Serve this configuration, whose state_dir and ports are added to it, until the block ends."""
    state = folder / "state"
    path = folder / "fibrix.toml"
    path.write_text(f'state_dir = "{state}"\n[log]\nlevel = "error"\n[api]\nport = 0\n{config}')
    argv = ("ip", "netns", "exec", namespace, sys.executable, "-m", "fibrix", "serve", "--config", str(path))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIBRIX_")}
    process = await asyncio.create_subprocess_exec(*argv, env=environment)
    try:
        yield await _reached(state, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _reached(state: Path, process: asyncio.subprocess.Process) -> Client:
    while process.returncode is None:
        try:
            client = Client.local(state)
            await client.get("/healthz")
        except ClientError:
            await asyncio.sleep(0.05)
        else:
            return client
    raise AssertionError(f"the controller ended with {process.returncode}")
