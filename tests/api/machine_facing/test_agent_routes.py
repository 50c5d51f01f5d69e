import asyncio
import json
from typing import Any

import aiohttp
import pytest

from fibrix.domain.ports.agents import Order
from fibrix.errors import ConflictError, PowerError, StoreError
from tests.fakes.agents import RUN, SECRET, TOKEN, FakeAgents

WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
WITH_SECRET = {"Authorization": f"Bearer {SECRET}"}
HELLO: dict[str, Any] = {"mac": "52:54:00:77:00:01", "secret": SECRET, "version": "1", "uptime_s": 12.5}


async def test_a_hello_trades_the_token_for_a_session(client: aiohttp.ClientSession, agents: FakeAgents) -> None:
    async with client.post("/agent/v1/hello", json=HELLO, headers=WITH_TOKEN) as answer:
        assert answer.status == 200
        assert await answer.json() == {"machine": "m0123456789", "heartbeat_s": 5}
    hello, address = agents.hellos[0]
    assert (hello.mac, hello.secret, hello.uptime_s, address) == (HELLO["mac"], SECRET, 12.5, "127.0.0.1")


async def test_a_mac_is_taken_as_the_kernel_command_line_writes_it(
    client: aiohttp.ClientSession, agents: FakeAgents
) -> None:
    async with client.post("/agent/v1/hello", json=HELLO | {"mac": "52-54-00-77-00-0A"}, headers=WITH_TOKEN) as answer:
        assert answer.status == 200
    assert agents.hellos[0][0].mac == "52:54:00:77:00:0a"


async def test_a_spent_token_is_401_with_what_the_region_says(client: aiohttp.ClientSession) -> None:
    async with client.post("/agent/v1/hello", json=HELLO, headers={"Authorization": "Bearer other"}) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.content_type == "application/problem+json"
        assert await answer.json(content_type=None) == {
            "title": "Unauthorized",
            "status": 401,
            "detail": "this boot is over",
        }


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "Bearer two words", "Bearer " + "x" * 300])
async def test_no_token_or_a_strange_one_is_401(client: aiohttp.ClientSession, header: str) -> None:
    async with client.get("/agent/v1/orders", headers={"Authorization": header}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"mac": "nonsense"}, "/mac"),
        ({"secret": "short"}, "/secret"),
        ({"secret": "AB" * 32}, "/secret"),
        ({"uptime_s": "long"}, "/uptime_s"),
        ({"mac": None}, "/mac"),
    ],
)
async def test_a_wrong_value_is_422_and_says_where(
    client: aiohttp.ClientSession, agents: FakeAgents, change: dict[str, Any], pointer: str
) -> None:
    async with client.post("/agent/v1/hello", json=HELLO | change, headers=WITH_TOKEN) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["pointer"]) == (422, pointer)
    assert agents.hellos == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 10_000])
async def test_a_body_that_is_no_json_is_400(client: aiohttp.ClientSession, body: bytes) -> None:
    async with client.post("/agent/v1/hello", data=body, headers=WITH_TOKEN) as answer:
        assert answer.status in {400, 413}
        assert answer.content_type == "application/problem+json"


async def test_a_run_order_carries_all_that_the_agent_needs(client: aiohttp.ClientSession, agents: FakeAgents) -> None:
    agents.orders.put_nowait(
        Order(kind="run", run=RUN, script="disk-read", url="scripts/disk-read", sha256="0" * 64, timeout_s=60)
    )
    async with client.get("/agent/v1/orders", headers=WITH_SECRET) as answer:
        assert await answer.json() == {
            "kind": "run",
            "run": "r1",
            "script": "disk-read",
            "url": "scripts/disk-read",
            "sha256": "0" * 64,
            "timeout_s": 60,
        }


async def test_an_order_is_waited_for(client: aiohttp.ClientSession, agents: FakeAgents) -> None:
    async with asyncio.TaskGroup() as group:
        request = group.create_task(_order(client))
        await _until_waiting(agents, 1)
        agents.orders.put_nowait(Order(kind="reboot"))
    assert request.result() == {"kind": "reboot"}


async def test_an_agent_that_goes_away_while_it_waits_takes_no_order_with_it(
    client: aiohttp.ClientSession, agents: FakeAgents
) -> None:
    async with asyncio.TaskGroup() as group:
        request = group.create_task(_order(client))
        await _until_waiting(agents, 1)
        request.cancel()
    await _until_waiting(agents, 0)
    assert agents.cancelled == 1


async def test_output_is_kept_byte_for_byte_and_the_offset_told(
    client: aiohttp.ClientSession, agents: FakeAgents
) -> None:
    data, kept = bytes(range(256)), -1
    for offset in (0, 0, 256):  # the second is what an agent sends whose first answer was lost
        async with client.post(f"/agent/v1/runs/r1/output?offset={offset}", data=data, headers=WITH_SECRET) as answer:
            kept = (await answer.json())["offset"]
    assert (kept, bytes(agents.printed)) == (512, data + data)


@pytest.mark.parametrize("offset", ["", "?offset=", "?offset=-1", "?offset=1e3", "?offset=" + "9" * 30, "?offset=٣"])
async def test_an_offset_that_counts_nothing_is_422(client: aiohttp.ClientSession, offset: str) -> None:
    async with client.post(f"/agent/v1/runs/r1/output{offset}", data=b"x", headers=WITH_SECRET) as answer:
        assert answer.status == 422


@pytest.mark.parametrize(("path", "limit"), [("output?offset=0", 64 * 1024), ("result", 512 * 1024)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_its_limit_is_413(
    client: aiohttp.ClientSession, path: str, limit: int, *, chunked: bool
) -> None:
    async def chunks() -> Any:
        yield b"x" * limit
        yield b"x"

    data = chunks() if chunked else b"x" * (limit + 1)
    async with client.post(f"/agent/v1/runs/r1/{path}", data=data, headers=WITH_SECRET) as answer:
        assert answer.status == 413
        assert str(limit) in (await answer.json(content_type=None))["detail"]


async def test_a_result_keeps_its_named_values(client: aiohttp.ClientSession, agents: FakeAgents) -> None:
    body = {"exit_status": 1, "values": {"mb_s": 12.5, "disks": [{"name": "sda"}]}, "reason": "too slow"}
    async with client.post("/agent/v1/runs/r1/result", json=body, headers=WITH_SECRET) as answer:
        assert (answer.status, await answer.json()) == (200, {})
    result = agents.results[0]
    assert (result.exit_status, result.timed_out, result.reason) == (1, False, "too slow")
    assert {name: json.loads(bytes(raw)) for name, raw in result.values.items()} == body["values"]


async def test_an_unknown_run_is_404(client: aiohttp.ClientSession) -> None:
    async with client.post("/agent/v1/runs/r2/result", json={"exit_status": 0}, headers=WITH_SECRET) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("abort", [True, False])
async def test_a_heartbeat_is_answered_with_whether_to_go_on(
    client: aiohttp.ClientSession, agents: FakeAgents, *, abort: bool
) -> None:
    agents.abort = abort
    async with client.post(
        "/agent/v1/heartbeat", json={"run": "r1", "uptime_s": 1.5, "memory_free_bytes": 7}, headers=WITH_SECRET
    ) as answer:
        assert await answer.json() == {"order": "abort" if abort else "go-on"}
    assert agents.beats[0].memory_free_bytes == 7


async def test_a_script_is_given_as_it_is(client: aiohttp.ClientSession, agents: FakeAgents) -> None:
    agents.scripts["inventory"] = b"#!/bin/sh\n\x00\xff"
    async with client.get("/agent/v1/scripts/inventory", headers=WITH_SECRET) as answer:
        assert await answer.read() == b"#!/bin/sh\n\x00\xff"
    async with client.get("/agent/v1/scripts/other", headers=WITH_SECRET) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(StoreError("disk full"), 503), (ConflictError("done already"), 409), (PowerError("no answer"), 500)],
)
async def test_trouble_of_the_controller_is_never_401(
    client: aiohttp.ClientSession, agents: FakeAgents, trouble: StoreError, status: int
) -> None:
    agents.trouble = trouble
    async with client.post("/agent/v1/heartbeat", json={}, headers=WITH_SECRET) as answer:
        assert answer.status == status
        assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("GET", "/agent/v1/hello", 405)])
async def test_what_is_not_there_is_a_problem_too(
    client: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with client.request(method, path) as answer:
        assert (answer.status, answer.content_type) == (status, "application/problem+json")


async def _order(client: aiohttp.ClientSession) -> Any:
    async with client.get("/agent/v1/orders", headers=WITH_SECRET) as answer:
        return await answer.json()


async def _until_waiting(agents: FakeAgents, count: int) -> None:
    async with asyncio.timeout(2):
        while agents.waiting != count:  # noqa: ASYNC110  # the fake has no event of its own
            await asyncio.sleep(0.01)
