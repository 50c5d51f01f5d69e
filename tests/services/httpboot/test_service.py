"""The HTTP boot service on loopback sockets."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import msgspec
import pytest
import structlog
from aiohttp import ClientSession

from fibrix.bus import Bus, Subscription
from fibrix.domain.network import Subnet, SubnetMode, UnknownPolicy
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.events.base import Event
from fibrix.events.rack import BootAsked, TransferEnded
from fibrix.runtime.cell import Cell
from fibrix.runtime.files import BootFiles
from fibrix.services.httpboot.download import DownloadLimits
from fibrix.services.httpboot.pace import Pace
from fibrix.services.httpboot.service import HttpBootService, HttpBootSettings
from fibrix.types import MacAddress, MachineId

ADDRESS = "127.66.1.1"
MAC = MacAddress("52:54:00:77:00:01")
CONTENT = os.urandom(100_000)
BIG_BYTES = 64 << 20  # more than the kernel's buffers on both sides can hold

SUBNET = Subnet(
    name="rack",
    interface="lo",
    network=IPv4Network("127.0.0.0/8"),
    address=IPv4Address(ADDRESS),
    mode=SubnetMode.SERVE,
)
ENTRY = BootEntry(
    machine=MachineId("m000000001"),
    action=BootAction.EPHEMERAL,
    hostname="calm-otter",
    agent_url="http://{address}:5249/agent/v1/",
    token="s3cret-token",
)
SNAPSHOT = RackSnapshot(subnets=(SUBNET,), boot={MAC: ENTRY}, ephemeral="abc", console="console=ttyS0")


class Rig:
    """A running service and a client."""

    def __init__(self, url: str, client: ClientSession, events: Subscription, service: HttpBootService) -> None:
        self.url, self.client, self.events, self.service = url, client, events, service

    async def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        async with self.client.get(self.url + path, headers=headers) as response:
            return response.status, await response.read()

    async def event(self) -> Event:
        async with asyncio.timeout(5):
            (event,) = await self.events.batch()
        return event

    def connect(self) -> socket.socket:
        """A connection with small buffers, on which nothing happens by itself."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((ADDRESS, int(self.url.rpartition(":")[2])))
        sock.settimeout(0)
        return sock


@asynccontextmanager
async def running(
    folder: Path, snapshot: RackSnapshot = SNAPSHOT, idle_s: float = 30.0, limits: DownloadLimits | None = None
) -> AsyncIterator[Rig]:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port = probe.getsockname()[1]
    boot, images = folder / "boot", folder / "images"
    (boot / "ephemeral" / "abc").mkdir(parents=True)
    (boot / "ephemeral" / "abc" / "vmlinuz").write_bytes(CONTENT)
    (images / "debian").mkdir(parents=True)
    (images / "debian" / "disk.raw").touch()
    os.truncate(images / "debian" / "disk.raw", BIG_BYTES)
    (folder / "secret").write_text("secret")
    bus = Bus()
    settings = HttpBootSettings(port=port, idle_s=idle_s, limits=limits or DownloadLimits())
    service = HttpBootService(Cell(snapshot), BootFiles([boot]), BootFiles([images]), bus, settings)
    with bus.subscribe(Event) as events:
        async with asyncio.TaskGroup() as group, ClientSession() as client:
            ready = asyncio.Event()
            task = group.create_task(service.run(ready))
            await ready.wait()
            try:
                yield Rig(f"http://{ADDRESS}:{port}", client, events, service)
            finally:
                task.cancel()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path) as rig:
        yield rig


async def test_the_first_script_is_the_same_for_all_and_names_the_address_that_was_asked(rig: Rig) -> None:
    status, body = await rig.get("/boot/start.ipxe")
    assert status == 200
    assert body.startswith(b"#!ipxe\n")
    assert f"{rig.url}/boot/script?mac=".encode() in body


async def test_a_known_machine_gets_its_own_script_and_that_is_told(rig: Rig) -> None:
    query = f"mac=52-54-00-77-00-01&platform=efi&uuid=u&product={b'PowerEdge 860'.hex()}"
    status, body = await rig.get(f"/boot/script?{query}")
    assert status == 200
    assert b"fibrix.token=s3cret-token" in body
    event = await rig.event()
    assert isinstance(event, BootAsked)
    assert (event.mac, event.address, event.subnet) == (MAC, IPv4Address("127.0.0.1"), "rack")
    assert (event.action, event.known, event.uefi) == (BootAction.EPHEMERAL, True, True)
    assert (event.uuid, event.product, event.serial) == ("u", "PowerEdge 860", "")


async def test_a_token_reaches_neither_log_nor_event(rig: Rig) -> None:
    with structlog.testing.capture_logs() as logs:
        await rig.get(f"/boot/script?mac={MAC}&uuid=s3cret-query")
    event = await rig.event()
    assert "s3cret-token" not in f"{logs} {event}"
    assert "s3cret-query" not in str(logs)


async def test_a_script_is_never_kept_on_the_way(rig: Rig) -> None:
    async with rig.client.get(f"{rig.url}/boot/script?mac={MAC}") as response:
        assert response.headers["Cache-Control"] == "no-store"


async def test_an_unknown_machine_waits_and_is_told_of(rig: Rig) -> None:
    _, body = await rig.get("/boot/script?mac=52:54:00:77:00:99")
    assert b"it waits to be accepted" in body
    event = await rig.event()
    assert isinstance(event, BootAsked)
    assert (event.action, event.known) == (BootAction.WAIT, False)


async def test_an_unknown_machine_is_let_go_where_the_subnet_ignores_it(tmp_path: Path) -> None:
    subnet = msgspec.structs.replace(SUBNET, unknown=UnknownPolicy.IGNORE)
    async with running(tmp_path, RackSnapshot(subnets=(subnet,))) as rig:
        _, body = await rig.get("/boot/script?mac=52:54:00:77:00:99")
        assert body.endswith(b"\nexit\n")


@pytest.mark.parametrize("query", ["", "?mac=", "?mac=1", "?mac=%00%ff", "?platform=efi"])
async def test_who_tells_no_mac_gets_no_script(rig: Rig, query: str) -> None:
    status, body = await rig.get(f"/boot/script{query}")
    assert (status, b"MAC" in body) == (400, True)


async def test_a_console_that_would_break_the_script_is_said_not_sent(tmp_path: Path) -> None:
    snapshot = msgspec.structs.replace(SNAPSHOT, console="console=${x}")
    async with running(tmp_path, snapshot) as rig:
        status, body = await rig.get(f"/boot/script?mac={MAC}")
        assert status == 500
        assert b"console" in body
        assert b"s3cret" not in body


async def test_a_file_is_sent_whole_and_told_of(rig: Rig) -> None:
    assert await rig.get("/boot/files/ephemeral/abc/vmlinuz") == (200, CONTENT)
    event = await rig.event()
    assert isinstance(event, TransferEnded)
    assert (event.file, event.protocol, event.error) == ("ephemeral/abc/vmlinuz", "http", "")
    assert (event.sent_bytes, event.total_bytes) == (100_000, 100_000)


async def test_an_image_is_sent_in_the_range_that_was_asked_for(rig: Rig) -> None:
    assert await rig.get("/images/debian/disk.raw", Range="bytes=1000-1999") == (206, bytes(1000))
    event = await rig.event()
    assert isinstance(event, TransferEnded)
    assert (event.file, event.sent_bytes, event.total_bytes) == ("debian/disk.raw", 1000, 1000)


async def test_a_range_beyond_the_end_is_refused(rig: Rig) -> None:
    assert (await rig.get("/images/debian/disk.raw", Range=f"bytes={BIG_BYTES}-"))[0] == 416


async def test_what_did_not_change_is_not_sent_again_and_head_sends_nothing(rig: Rig) -> None:
    path = "/boot/files/ephemeral/abc/vmlinuz"
    async with rig.client.head(rig.url + path) as response:
        assert (response.status, response.content_length) == (200, 100_000)
        modified = response.headers["Last-Modified"]
    assert await rig.get(path, **{"If-Modified-Since": modified}) == (304, b"")
    assert await rig.get(path) == (200, CONTENT)
    assert isinstance(await rig.event(), TransferEnded)  # the last one alone


@pytest.mark.parametrize(
    "target",
    [
        "/boot/files/nothing",
        "/boot/files/",
        "/boot/files/ephemeral",
        "/boot/files/../secret",
        "/boot/files/%2e%2e/secret",
        "/boot/files/..%2fsecret",
        "/boot/files/..%5csecret",
        "/boot/files/%00",
        "/boot/files/%ff",
        "/images/../boot/ephemeral/abc/vmlinuz",
        "/images//../../secret",
        "/etc/passwd",
    ],
)
async def test_nothing_else_is_served(rig: Rig, target: str) -> None:
    reader, writer = await asyncio.open_connection(ADDRESS, int(rig.url.rpartition(":")[2]))
    with closing(writer):
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        assert b" 404 " in answer.splitlines()[0]
        assert b"\r\n\r\nsecret" not in answer


@pytest.mark.parametrize("request_", [b"\0" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", b"POST /boot/script HTTP/1.1\r\n\r\n"])
async def test_garbage_is_refused_and_the_next_one_served(rig: Rig, request_: bytes) -> None:
    reader, writer = await asyncio.open_connection(ADDRESS, int(rig.url.rpartition(":")[2]))
    with closing(writer):
        writer.write(request_)
        assert b" 40" in await reader.readline()
    assert (await rig.get("/boot/start.ipxe"))[0] == 200


async def test_a_client_that_breaks_off_is_told_of_with_what_it_took(rig: Rig) -> None:
    loop = asyncio.get_running_loop()
    with rig.connect() as sock:
        await loop.sock_sendall(sock, b"GET /images/debian/disk.raw HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(20):
            await loop.sock_recv(sock, 4096)
    event = await rig.event()
    assert isinstance(event, TransferEnded)
    assert event.error == "the client broke off"
    assert 0 < event.sent_bytes < event.total_bytes == BIG_BYTES


async def test_a_client_that_reads_a_byte_a_second_is_cut_off_and_holds_nobody_up(tmp_path: Path) -> None:
    limits = DownloadLimits(pace=Pace(least_bytes=64 * 1024, every_s=1.5))
    async with running(tmp_path, limits=limits) as rig:
        loop = asyncio.get_running_loop()
        with rig.connect() as sock:
            await loop.sock_sendall(sock, b"GET /images/debian/disk.raw HTTP/1.1\r\nHost: x\r\n\r\n")
            await loop.sock_recv(sock, 1)
            assert (await rig.get("/boot/start.ipxe"))[0] == 200
            async with asyncio.timeout(6):
                event = (await rig.events.batch())[0]
            assert isinstance(event, TransferEnded)
            assert "took only" in event.error
            assert rig.service.downloads.active.total() == 0
            with pytest.raises(ConnectionResetError):
                await _read_all(sock)


async def _read_all(sock: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(sock, 65536):
        pass


async def test_one_client_cannot_take_all_downloads(tmp_path: Path) -> None:
    async with running(tmp_path, limits=DownloadLimits(downloads=3, downloads_per_client=2)) as rig:
        loop = asyncio.get_running_loop()
        with rig.connect() as first, rig.connect() as second:
            for sock in (first, second):
                await loop.sock_sendall(sock, b"GET /images/debian/disk.raw HTTP/1.1\r\nHost: x\r\n\r\n")
                await loop.sock_recv(sock, 1)
            async with rig.client.get(f"{rig.url}/images/debian/disk.raw") as response:
                assert (response.status, response.headers["Retry-After"]) == (429, "10")
            assert (await rig.get("/boot/start.ipxe"))[0] == 200
            assert rig.service.downloads.refused == 1


async def test_who_connects_and_never_asks_is_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path, idle_s=0.3) as rig:
        with rig.connect() as sock:
            async with asyncio.timeout(5):
                assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
