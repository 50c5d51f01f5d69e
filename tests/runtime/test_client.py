"""The client of the API against the real API: what it tells when things go wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from fibrix.errors import ClientError
from fibrix.events.machine import MachineAccepted, MachineDeleted
from fibrix.runtime.client import BlockingClient, Client
from tests.support.api import free_port
from tests.support.site import Site, key_of, served
from tests.support.waiting import until

KEY = key_of("admin")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An API that is being served."""
    async with served(tmp_path) as opened:
        yield opened


async def test_tcp_and_unix_socket_give_the_same(site: Site) -> None:
    await site.put("web-1")
    over_tcp = await Client(site.url + "/", KEY).get("machines")
    over_unix = await Client(site.unix_url, KEY).get("machines", name="web-1")
    assert over_tcp == over_unix
    assert over_tcp["items"][0]["name"] == "web-1"


async def test_a_local_client_finds_socket_and_key_in_the_state_folder(site: Site) -> None:
    with pytest.raises(ClientError, match=r"admin\.key"):
        Client.local(site.state_dir)
    (site.state_dir / "admin.key").write_text(f"{KEY}\n")
    assert await Client.local(site.state_dir).get("machines") == {"items": [], "next": ""}


async def test_the_words_the_status_and_the_place_of_a_refusal_are_passed_on(site: Site) -> None:
    client = Client(site.url, KEY)
    with pytest.raises(ClientError, match=r"did you mean 'name'\? \(at /nmae\)") as refused:
        await client.post("machines", {"nmae": "x"})
    assert refused.value.status == 422
    with pytest.raises(ClientError) as refused:
        await Client(site.url, "wrong").get("machines")
    assert refused.value.status == 401


async def test_names_with_odd_characters_stay_one_path(site: Site) -> None:
    with pytest.raises(ClientError, match="there is no machine 'a b\\?c#d'"):
        await Client(site.url, KEY).get("machines/a b?c#d")


async def test_nobody_there_is_status_0() -> None:
    for url in (f"http://127.0.0.1:{free_port()}", "unix:/nowhere/api.sock"):
        with pytest.raises(ClientError, match="no controller answers") as missing:
            await Client(url, KEY).get("machines")
        assert missing.value.status == 0


@pytest.mark.parametrize("url", ["127.0.0.1:5240", "ftp://x", "http://", "http://[::1", "http://x:port"])
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(ClientError, match="URL"):
        BlockingClient(url).get("machines")


async def test_a_server_that_speaks_no_http_is_told() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-nothing\r\n")
        writer.close()

    port = free_port()
    async with await asyncio.start_server(babble, "127.0.0.1", port):
        with pytest.raises(ClientError, match="no controller answers"):
            await Client(f"http://127.0.0.1:{port}", KEY).get("machines")


async def test_following_is_refused_without_a_key_and_fails_where_nobody_is(site: Site) -> None:
    with pytest.raises(ClientError) as refused:
        await first_event(Client(site.unix_url, "wrong"), 0)
    assert refused.value.status == 401
    with pytest.raises(ClientError) as missing:
        await first_event(Client("unix:/nowhere/api.sock", KEY), 0)
    assert missing.value.status == 0


async def test_following_from_now_leaves_out_what_was_before(site: Site) -> None:
    machine = await site.put("web-1")
    await site.say(MachineAccepted(at=site.rig.clock(), machine=machine.id, name="web-1"))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(first_event(Client(site.url, KEY), None), name="follower")
        await until(lambda: site.ports.subscribers["websocket"] == 1)
        await site.say(MachineDeleted(at=site.rig.clock(), machine=machine.id, name="web-1"))
    assert waiting.result() == (2, "fibrix.machine.deleted")


async def first_event(client: Client, since: int | None) -> tuple[int, str]:
    """Follow until there is one event."""
    async with aclosing(client.follow(since)) as events:  # type: ignore[type-var]
        async for event in events:
            return event.seq, event.type
    raise AssertionError("the stream ended")
