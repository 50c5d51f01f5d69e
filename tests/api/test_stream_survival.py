"""A subscriber of a real controller, whose wire is cut and whose controller is killed: every event once, in order."""

import asyncio
import base64
import os
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest

from fibrix.runtime import api_stream
from fibrix.runtime.client import Client
from tests.support.api import free_port
from tests.support.cutter import cutter

ROOT = Path(__file__).parents[2]
KEYS = 5_000
CUTS = 200
WRITERS = 32
KILLS_AT = (1_000, 3_000, 5_500, 8_000)


class Controller:
    """`fibrix serve` as its own process, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.key_file = folder / "state" / "admin.key"
        self._config = folder / "fibrix.toml"
        self._config.write_text(f'state_dir = "{folder / "state"}"\n[api]\nport = {self.port}\nsocket = ""\n')
        self._log = folder / "log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it answers some time later."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FIBRIX_")}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "fibrix", "serve", "--config", str(self._config)),
                env=clean | {"PYTHONPATH": str(ROOT)},
                stderr=log,
            )

    async def kill(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        assert self._process.returncode is None, self._log.read_text()[-2000:]
        self._process.kill()
        await self._process.wait()

    async def key(self) -> str:
        """The admin's key, once the controller answers."""
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"http://127.0.0.1:{self.port}/healthz"):
                        return self.key_file.read_text().strip()
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.05)


async def insist(http: aiohttp.ClientSession, method: str, path: str, **what: object) -> None:
    """Ask until there is an answer; what was done before the connection broke counts."""
    while True:
        try:
            async with http.request(method, path, **what) as response:  # type: ignore[arg-type]
                assert response.status in {201, 204, 404, 409}, await response.text()
                return
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(0.05)


async def write(controller: Controller, key: str, numbers: Iterator[int]) -> None:
    """Add SSH keys and delete them again: two events each."""
    headers = {"Authorization": f"Bearer {key}", "If-Match": "*"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{controller.port}", headers=headers) as http:
        for number in numbers:
            blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + number.to_bytes(32)
            text = f"ssh-ed25519 {base64.b64encode(blob).decode()}"
            await insist(http, "POST", "/api/v1/ssh-keys", json={"name": f"k{number}", "key": text})
            await insist(http, "DELETE", f"/api/v1/ssh-keys/k{number}")


async def follow(port: int, key: str, seen: list[str]) -> None:
    """Take events until the last key is gone and nothing is left to come."""
    deleted = 0
    async with aclosing(Client(f"http://127.0.0.1:{port}", key).follow(0)) as events:  # type: ignore[type-var]
        async for event in events:
            seen.append(event.id)
            deleted += event.type == "fibrix.ssh_key.deleted"
            if deleted == KEYS:
                return


@pytest.mark.timeout(150)
async def test_cut_200_times_and_killed_4_times_every_event_comes_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_stream, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(api_stream, "_MOST_PAUSE_S", 0.2)
    controller, seen, numbers = Controller(tmp_path), list[str](), iter(range(KEYS))
    await controller.start()
    key = await controller.key()
    try:
        async with cutter(controller.port, cuts=CUTS, most_bytes=20_000, seed=7) as wire:
            async with asyncio.TaskGroup() as group:
                follower = group.create_task(follow(wire.port, key, seen))
                for _ in range(WRITERS):
                    group.create_task(write(controller, key, numbers))
                for at in KILLS_AT:
                    while len(seen) < at and not follower.done():  # noqa: ASYNC110 - it is a list
                        await asyncio.sleep(0.01)
                    await controller.kill()
                    await controller.start()
            assert wire.done >= CUTS
        head = await Client(f"http://127.0.0.1:{controller.port}", key).head()
        assert seen == [str(number) for number in range(1, head + 1)]
        assert head >= 2 * KEYS + len(KILLS_AT) + 1
    finally:
        await controller.kill()
