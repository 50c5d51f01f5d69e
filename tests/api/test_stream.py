"""The stream: each event once, in order, without a seam; what ends it; who may have it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from fibrix.api.limits import Limits
from fibrix.domain.access import Permission, Role
from fibrix.domain.account import ApiKey, User
from fibrix.errors import StoreError
from fibrix.runtime.client import Client
from fibrix.store.region import RegionUnit
from fibrix.types import ApiKeyId, TenantId, UserId
from fibrix.wire.websocket import CloseCode
from tests.support.api import serving
from tests.support.site import ACME, GLOBEX, Site, key_of, served, site
from tests.support.streams import accepted, handshake, key_added, raw, read_all, updated

opened_site = site
Events = list[dict[str, Any]]
Socket = aiohttp.ClientWebSocketResponse


async def take(stream: Socket, count: int) -> Events:
    """Take so many messages."""
    return [await stream.receive_json(timeout=3) for _ in range(count)]


async def ended(stream: Socket, within_s: float = 3) -> tuple[int, str]:
    """Wait for the close frame: its code and its words."""
    message = await stream.receive(timeout=within_s)
    assert message.type is aiohttp.WSMsgType.CLOSE, message
    return message.data, message.extra or ""


async def test_the_list_and_the_stream_give_the_same_events_in_order(site: Site, http: aiohttp.ClientSession) -> None:
    await site.say(*(updated(n, machine=f"m{n % 7}") for n in range(1200)))
    async with http.get("/api/v1/events", params={"limit": 10_000}) as response:
        from_list = await response.json(content_type=None)
    async with http.ws_connect("/api/v1/stream?since=0", protocols=("other", "cloudevents.json")) as stream:
        assert stream.protocol == "cloudevents.json"
        assert await take(stream, 1200) == from_list
    assert [int(event["id"]) for event in from_list] == list(range(1, 1201))


async def test_there_is_no_seam_between_what_was_and_what_is(site: Site, http: aiohttp.ClientSession) -> None:
    async def write() -> None:
        for n in range(300):
            await site.say(updated(n), updated(n))

    async def read(since: int) -> list[int]:
        async with http.ws_connect(f"/api/v1/stream?since={since}") as stream:
            return [int(event["id"]) for event in await take(stream, 600 - since)]

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        readers = []
        for _ in range(20):
            since = site.rig.region.journal.head // 2
            readers.append((since, group.create_task(read(since))))
            await asyncio.sleep(0.01)
    for since, reader in readers:
        assert reader.result() == list(range(since + 1, 601))


async def test_each_subscriber_gets_what_it_asked_for(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("web-1")
    async with (
        http.ws_connect("/api/v1/stream?type=machine.*&machine=web-1") as one,
        http.ws_connect("/api/v1/stream?tenant=acme") as two,
        http.ws_connect("/api/v1/stream") as three,
    ):
        await asyncio.sleep(0.05)
        await site.say(key_added("ann", ACME), updated(machine=machine.id), accepted("m2"), key_added("bob"))
        assert [event["id"] for event in await take(one, 1)] == ["2"]
        assert [event["id"] for event in await take(two, 1)] == ["1"]
        assert [event["id"] for event in await take(three, 4)] == ["1", "2", "3", "4"]


async def test_events_that_are_gone_are_an_explicit_gap(site: Site, http: aiohttp.ClientSession) -> None:
    await site.say(*(updated(n) for n in range(10)))
    await site.rig.region.journal.prune(keep=3)
    async with http.ws_connect("/api/v1/stream?since=3") as stream:
        gap, *events = await take(stream, 4)
        assert (gap["type"], gap["data"]) == ("fibrix.gap", {"oldest": 8})
        assert [event["id"] for event in events] == ["8", "9", "10"]
        await site.say(updated())
        assert [event["id"] for event in await take(stream, 1)] == ["11"]


async def test_a_heartbeat_tells_the_position_in_quiet_times(site: Site, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect("/api/v1/stream?heartbeat=1&type=ssh_key.*&since=0") as stream:
        await site.say(updated(), updated())
        first, second = await take(stream, 2)
    assert (first["type"], first["data"]) == ("fibrix.heartbeat", {"position": 2})
    assert not first["id"].isdecimal()
    assert first["id"] != second["id"]


async def test_a_tenant_gets_its_own_events_only(site: Site) -> None:
    async with site.client("acme") as acme, acme.ws_connect("/api/v1/stream?since=0") as stream:
        await site.say(key_added("a", ACME), key_added("b", GLOBEX), key_added("c"), key_added("d", ACME))
        assert [event["id"] for event in await take(stream, 2)] == ["1", "4"]
        with pytest.raises(TimeoutError):
            await stream.receive(timeout=0.1)


def of_user(**changes: Any) -> Callable[[RegionUnit], None]:
    """Change acme's user."""
    return lambda unit: unit.of(User).update(replace(unit.of(User).read(UserId("u000000004")), **changes))


def of_key(**changes: Any) -> Callable[[RegionUnit], None]:
    """Change acme's key."""
    return lambda unit: unit.of(ApiKey).update(replace(unit.of(ApiKey).read(ApiKeyId("k000000004")), **changes))


@pytest.mark.parametrize(
    "change",
    [
        lambda unit: unit.of(ApiKey).delete(ApiKeyId("k000000004")),
        of_user(disabled=True),
        of_key(scopes=(Permission.USE,)),
    ],
    ids=["revoked", "disabled", "narrowed"],
)
@pytest.mark.parametrize("busy", [True, False])
async def test_who_is_no_longer_let_in_is_told_within_a_second(
    site: Site, change: Callable[[RegionUnit], object], *, busy: bool
) -> None:
    async with site.client("acme") as acme, acme.ws_connect("/api/v1/stream?since=0") as stream:
        await site.say(key_added("a", ACME))
        await take(stream, 1)
        await site.rig.region.change(change)
        if busy:
            await site.say(key_added("b", ACME))
        code, words = await ended(stream, 1)
    assert code == CloseCode.NOT_ALLOWED
    assert "no longer" in words


async def test_a_key_that_expires_ends_its_stream(site: Site) -> None:
    expires_at = site.rig.clock() + timedelta(seconds=60)
    await site.rig.region.change(of_key(expires_at=expires_at))
    async with site.client("acme") as acme, acme.ws_connect("/api/v1/stream") as stream:
        await asyncio.sleep(0.05)
        site.rig.clock.pass_(61)
        assert (await ended(stream, 1))[0] == CloseCode.NOT_ALLOWED


async def test_another_tenant_or_role_counts_at_once(site: Site) -> None:
    async with site.client("acme") as acme, acme.ws_connect("/api/v1/stream") as stream:
        await asyncio.sleep(0.05)
        await site.rig.region.change(of_user(tenant=GLOBEX))
        await site.say(key_added("a", ACME), key_added("b", GLOBEX))
        assert [event["id"] for event in await take(stream, 1)] == ["2"]
        await site.rig.region.change(of_user(role=Role.OPERATOR, tenant=TenantId("")))
        await site.say(key_added("c", ACME))
        assert [event["id"] for event in await take(stream, 1)] == ["3"]


async def test_subscribers_are_told_that_the_controller_stops(tmp_path: Path) -> None:
    async with (
        opened_site(tmp_path) as region,
        serving(region.service()) as stop,
        region.client() as http,
        http.ws_connect("/api/v1/stream") as one,
        http.ws_connect("/api/v1/stream?since=0") as two,
        http.get("/api/v1/events/sse") as three,
    ):
        stop()
        assert await ended(one) == (CloseCode.GOING_AWAY, "the controller stops")
        assert (await ended(two))[0] == CloseCode.GOING_AWAY
        assert await three.read() == b"retry: 2000\n\n"


async def test_a_slow_subscriber_is_told_and_cut_off_and_holds_up_nobody(tmp_path: Path) -> None:
    async with served(tmp_path, Limits(slow_s=0.3)) as region, region.client() as http:
        slow = raw(region.port, handshake(), buffer_bytes=4096)
        async with http.ws_connect("/api/v1/stream?since=0") as quick:
            for number in range(100):
                await region.say(*(updated(number, size=10_000) for _ in range(10)))
            assert [event["id"] for event in await take(quick, 1000)] == [str(n) for n in range(1, 1001)]
        await asyncio.sleep(0.6)
        received = await asyncio.to_thread(read_until, slow, b"too slow")
    assert CloseCode.TOO_SLOW.to_bytes(2) + b"too slow" in received
    assert received.count(b'"id":"') < 1000


async def test_one_that_was_slow_for_a_moment_misses_nothing(site: Site, http: aiohttp.ClientSession) -> None:
    late = raw(site.port, handshake("since=now"), buffer_bytes=4096)
    await asyncio.sleep(0.1)
    for number in range(60):
        await site.say(*(updated(number, size=2000) for _ in range(20)))
    received = await asyncio.to_thread(read_until, late, b'"id":"1200"')
    assert [int(part.partition(b'"')[0]) for part in received.split(b'"id":"')[1:]] == list(range(1, 1201))


def read_until(peer: socket.socket, end: bytes) -> bytes:
    """Read until this has come."""
    data = bytearray()
    with peer:
        while end not in data[-4096:]:
            data += peer.recv(4000)
    return bytes(data)


async def test_a_store_that_fails_ends_the_stream_with_try_again_later(site: Site, http: aiohttp.ClientSession) -> None:
    async def fail(*_: object, **__: object) -> list[object]:
        raise StoreError("disk full")

    async with http.ws_connect("/api/v1/stream") as live:
        await asyncio.sleep(0.05)
        site.rig.region.journal.since = fail  # type: ignore[method-assign,assignment]
        async with http.ws_connect("/api/v1/stream?since=0") as stream:
            assert (await ended(stream))[0] == CloseCode.TRY_AGAIN_LATER
        await site.say(updated())
        assert (await ended(live))[0] == CloseCode.TRY_AGAIN_LATER


async def test_a_client_that_is_silent_is_asked_and_then_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_site(tmp_path) as region:
        service = region.service()
        monkeypatch.setattr(service._stream._hub, "_ping_s", 0.5)
        async with (
            serving(service),
            region.client() as http,
            http.ws_connect("/api/v1/stream") as answering,
            asyncio.TaskGroup() as group,
        ):
            waiting = group.create_task(take(answering, 1))  # aiohttp's client answers pings while it waits
            received = await asyncio.to_thread(read_all, raw(region.port, handshake("since=now")))
            await region.say(updated())
            assert [event["id"] for event in await waiting] == ["1"]
    assert b"\r\n\r\n\x89\x00" in received  # a ping, and no more


async def test_a_client_resumes_after_a_lost_connection_with_none_missed_or_doubled(tmp_path: Path) -> None:
    async with opened_site(tmp_path) as region:
        client = Client(region.unix_url, key_of("admin"))
        seen: list[int] = []

        async def follow() -> None:
            async for event in client.follow(0):
                seen.append(event.seq)
                if event.seq == 30:
                    return

        async def say(times: int) -> None:
            for _ in range(times):
                await region.say(updated())

        async with asyncio.TaskGroup() as group:
            async with serving(region.service()):
                follower: Awaitable[None] = group.create_task(follow(), name="follower")
                await say(10)
                await asyncio.sleep(0.3)
            await say(10)
            async with serving(region.service()):
                await say(10)
                async with asyncio.timeout(8):
                    with suppress(asyncio.CancelledError):
                        await follower
    assert seen == list(range(1, 31))
