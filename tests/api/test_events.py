"""Events: the list and the stream give the same ones, in order, each once, or an explicit gap."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fibrix.api.application import Limits
from fibrix.api.stream import TOO_SLOW
from fibrix.errors import StoreError
from fibrix.runtime.client import Client
from tests.fakes.region import KEY
from tests.support.api import Region, serving

Events = list[dict[str, Any]]


async def take(stream: aiohttp.ClientWebSocketResponse, count: int) -> Events:
    """Take so many messages."""
    return [await stream.receive_json(timeout=3) for _ in range(count)]


async def listed(http: aiohttp.ClientSession, **query: str | int) -> Events:
    """Ask for a page of events."""
    async with http.get("/api/v1/events", params=query) as response:
        assert response.content_type == "application/cloudevents-batch+json"
        events: Events = await response.json(content_type=None)
        return events


async def test_the_list_and_the_stream_give_the_same_events_in_order(
    region: Region, http: aiohttp.ClientSession
) -> None:
    for number in range(1000):
        region.journal.append("machine.updated", f"machines/m{number % 7}", n=number)
    from_list = await listed(http, since=0)
    async with http.ws_connect("/api/v1/stream?since=0", protocols=("cloudevents.json",)) as stream:
        assert stream.protocol == "cloudevents.json"
        from_stream = await take(stream, 1000)
    assert from_list == from_stream
    assert [int(event["id"]) for event in from_list] == list(range(1, 1001))


async def test_a_subscriber_gets_what_happens_from_now_on(region: Region, http: aiohttp.ClientSession) -> None:
    region.journal.append("machine.added", "machines/m1")
    async with http.ws_connect("/api/v1/stream") as stream:
        await asyncio.sleep(0.05)
        region.journal.append("machine.accepted", "machines/m1")
        assert [event["type"] for event in await take(stream, 1)] == ["fibrix.machine.accepted"]


async def test_a_subscriber_gets_only_the_types_and_the_subject_that_it_asked_for(
    region: Region, http: aiohttp.ClientSession
) -> None:
    for kind, subject in (
        ("machine.ready", "machines/m1"),
        ("machine.ready", "machines/m2"),
        ("ssh_key.added", "ssh-keys/ann"),
        ("machine.deployed", "machines/m1"),
    ):
        region.journal.append(kind, subject)

    async with http.ws_connect("/api/v1/stream?since=0&type=machine.*&subject=machines/m1") as stream:
        assert [event["id"] for event in await take(stream, 2)] == ["1", "4"]
    assert [e["id"] for e in await listed(http, type="fibrix.machine.deployed,ssh_key.")] == ["3", "4"]
    assert [e["id"] for e in await listed(http, subject="machines/m2")] == ["2"]


async def test_events_that_are_gone_are_an_explicit_gap(region: Region, http: aiohttp.ClientSession) -> None:
    for _ in range(10):
        region.journal.append("machine.updated")
    region.journal.forget_before(8)
    async with http.ws_connect("/api/v1/stream?since=3") as stream:
        from_stream = await take(stream, 4)
    assert from_stream[0]["type"] == "fibrix.gap"
    assert from_stream[0]["data"] == {"oldest": 8}
    assert [event["id"] for event in from_stream[1:]] == ["8", "9", "10"]
    assert await listed(http, since=3) == from_stream
    assert [event["id"] for event in await listed(http, since=7)] == ["8", "9", "10"]


async def test_a_number_of_another_journal_begins_anew_with_a_gap(region: Region, http: aiohttp.ClientSession) -> None:
    region.journal.append("controller.started")
    events = await listed(http, since=500)
    assert [event["type"] for event in events] == ["fibrix.gap", "fibrix.controller.started"]


async def test_pages_can_be_walked_even_where_nothing_fits(region: Region, http: aiohttp.ClientSession) -> None:
    for number in range(10):
        region.journal.append("machine.updated" if number % 2 else "machine.ready")
    seen, position = [], 0
    while True:
        query: dict[str, str | int] = {"since": position, "limit": 2, "type": "machine.ready"}
        async with http.get("/api/v1/events", params=query) as response:
            page = await response.json(content_type=None)
            position = int(response.headers["Fibrix-Next"])
            assert response.headers["Fibrix-Head"] == "10"
        if not page:
            break
        seen += [event["id"] for event in page]
    assert seen == ["1", "3", "5", "7", "9"]
    assert position == 10


async def test_a_list_can_wait_for_the_next_event(region: Region, http: aiohttp.ClientSession) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(listed(http, since=0, wait=5), name="long poll")
        await asyncio.sleep(0.05)
        region.journal.append("machine.ready")
    assert [event["id"] for event in waiting.result()] == ["1"]
    assert await listed(http, since=1, wait=0) == []


async def test_the_events_of_a_machine_are_found_by_its_name(region: Region, http: aiohttp.ClientSession) -> None:
    machine = region.machines.put("web-1")
    region.journal.append("machine.ready", f"machines/{machine.id}")
    region.journal.append("machine.ready", "machines/other")
    async with http.get("/api/v1/machines/web-1/events") as response:
        assert [event["id"] for event in await response.json(content_type=None)] == ["1"]


@pytest.mark.parametrize("query", ["since=-1", "since=x", "colour=red"])
async def test_a_wrong_stream_query_is_refused_before_the_upgrade(http: aiohttp.ClientSession, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(f"/api/v1/stream?{query}")
    assert refused.value.status == 422


async def test_a_plain_request_to_the_stream_is_told_to_upgrade(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/stream") as response:
        assert response.status in {400, 426}
        assert response.content_type == "application/problem+json"


async def test_subscribers_are_told_that_the_controller_stops(tmp_path: Path) -> None:
    region = Region(tmp_path)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        serving(region.service()) as stop,
        aiohttp.ClientSession(region.url, headers=headers) as http,
        http.ws_connect("/api/v1/stream") as stream,
    ):
        stop()
        message = await stream.receive(timeout=3)
    assert message.type is aiohttp.WSMsgType.CLOSE
    assert message.data == aiohttp.WSCloseCode.GOING_AWAY


async def test_a_slow_subscriber_is_told_and_cut_off_and_holds_up_nobody(tmp_path: Path) -> None:
    region = Region(tmp_path)
    loop = asyncio.get_running_loop()
    async with serving(region.service(Limits(slow_s=0.3))):
        slow = subscribe_by_hand(region.port)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession(region.url, headers=headers) as http,
            http.ws_connect("/api/v1/stream?since=0") as quick,
        ):
            for number in range(1000):
                region.journal.append("machine.updated", padding="x" * 10_000, n=number)
            assert [event["id"] for event in await take(quick, 1000)] == [str(n) for n in range(1, 1001)]
        await asyncio.sleep(0.6)
        received = await loop.run_in_executor(None, read_all, slow)
    assert TOO_SLOW.to_bytes(2) + b"too slow" in received
    assert received.count(b'"id":"') < 1000


async def test_a_store_that_fails_ends_the_stream_with_try_again_later(
    region: Region, http: aiohttp.ClientSession
) -> None:
    async def fail(*_: object, **__: object) -> list[object]:
        raise StoreError("disk full")

    region.journal.since = fail  # type: ignore[method-assign,assignment]
    async with http.ws_connect("/api/v1/stream?since=0") as stream:
        message = await stream.receive(timeout=3)
    assert message.data == aiohttp.WSCloseCode.TRY_AGAIN_LATER


async def test_a_client_resumes_after_a_lost_connection_with_none_missed_or_doubled(tmp_path: Path) -> None:
    region = Region(tmp_path)
    client = Client(region.unix_url, KEY)
    seen: list[int] = []

    async def follow() -> None:
        async for event in client.follow(0):
            seen.append(event.seq)
            if event.seq == 30:
                return

    async with asyncio.TaskGroup() as group:
        async with serving(region.service()):
            follower = group.create_task(follow(), name="follower")
            for _ in range(10):
                region.journal.append("machine.updated")
            await asyncio.sleep(0.3)
        for _ in range(10):
            region.journal.append("machine.updated")
        async with serving(region.service()):
            for _ in range(10):
                region.journal.append("machine.updated")
            async with asyncio.timeout(8):
                await asyncio.wait([follower])
    assert seen == list(range(1, 31))


def subscribe_by_hand(port: int) -> socket.socket:
    """Open a websocket with a small receive buffer, and read nothing of it but the start of the answer."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", port))
    slow.sendall(
        f"GET /api/v1/stream?since=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    slow.settimeout(8)
    return slow


def read_all(slow: socket.socket) -> bytes:
    """Read until the other side ends it."""
    with slow:
        return b"".join(iter(lambda: slow.recv(1 << 20), b""))
