"""kill -9 among requests: what has an idempotency key is done once, what was done is on record."""

import asyncio
import json
import random
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.support.site import key_of, served
from tests.support.ssh_keys import ed25519

ROOT = Path(__file__).parents[2]
CLIENTS = 8
KILLS = 3
DONE, LOST = "done", "/api/v1/problems/answer-lost"


@asynccontextmanager
async def process(folder: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Serve in a process that is killed at the end of the block, if it was not before."""
    command = (sys.executable, "-m", "tests.support.killed", str(folder))
    started = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=DEVNULL, cwd=ROOT)
    assert started.stdout is not None
    try:
        while not (line := await started.stdout.readline()).startswith(b"http://"):
            assert line  # the log comes on standard output too
        yield line.decode().strip(), started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def insist(url: str, name: str, number: int) -> str | None:
    """Add an SSH key, asking again while the first request is under way; None: the controller is gone."""
    headers = {"Authorization": f"Bearer {key_of('admin')}", "Idempotency-Key": name}
    try:
        async with aiohttp.ClientSession(headers=headers) as http:
            while True:
                async with http.post(f"{url}/api/v1/ssh-keys", json={"name": name, "key": ed25519(number)}) as answer:
                    told = await answer.json(content_type=None)
                    if told.get("type") == "/api/v1/problems/under-way":
                        await asyncio.sleep(0.05)
                        continue
                    return DONE if answer.status == 201 else str(told["type"])
    except (aiohttp.ClientError, ValueError):
        return None


async def test_a_request_with_a_key_is_done_once_whenever_the_controller_is_killed(tmp_path: Path) -> None:
    ended: dict[str, str] = {}
    waiting: dict[str, int] = {}  # requests whose answer did not come
    made = 0

    async def client(url: str) -> None:
        nonlocal made
        while True:
            name, number = next(iter(waiting.items()), (f"key-{made}", made))
            if name not in waiting:
                made += 1
            waiting.pop(name, None)
            outcome = await insist(url, name, number)
            if outcome is None:
                waiting[name] = number
                return
            ended[name] = outcome

    for _ in range(KILLS):
        async with process(tmp_path) as (url, started), asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(client(url), name=f"client {number}")
            await asyncio.sleep(random.uniform(0.05, 0.4))
            started.kill()
    async with served(tmp_path) as site:
        for name, number in waiting.items():
            outcome = await insist(site.url, name, number)
            assert outcome is not None
            ended[name] = outcome
        stored = {key.name for key in site.rig.region.ssh_keys.all()}
        async with site.client() as http:
            async with http.get("/api/v1/audit/verify") as response:
                assert (await response.json())["ok"]
            async with http.get("/api/v1/audit/export") as response:
                records = [json.loads(line) for line in (await response.text()).splitlines()]
    assert len(ended) > CLIENTS * KILLS
    assert set(ended.values()) <= {DONE, LOST}  # a second execution would clash with the first one's name
    assert stored == set(ended)
    assert len([r for r in records if r["result"] != "refused"]) == len(ended)
    assert len([r for r in records if r["result"] == "lost"]) >= list(ended.values()).count(LOST)
