"""What a firmware or a client may ask of a file over HTTP, on loopback sockets."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from email.message import Message
from email.parser import BytesParser
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
import pytest

from fibrix.domain.network import SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import TransferEnded
from fibrix.services.httpboot.cached import Memory
from fibrix.services.httpboot.download import _corked
from fibrix.services.httpboot.pump import bring_in
from tests.services.httpboot.test_service import BIG_BYTES, CONTENT, SNAPSHOT, SUBNET, Rig, _read_all, running
from tests.support.waiting import until

PATH = "/boot/files/ephemeral/abc/vmlinuz"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path) as rig:
        yield rig


async def test_several_ranges_come_in_parts_that_say_where_they_belong(rig: Rig) -> None:
    async with rig.client.get(rig.url + PATH, headers={"Range": "bytes=0-99,500-599,-7"}) as response:
        assert response.status == 206
        body = await response.read()
        assert response.content_length == len(body)
        kind = response.headers["Content-Type"]
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n".encode() + body)
    parts = message.get_payload()
    assert isinstance(parts, list)
    places = [part["Content-Range"] for part in parts if isinstance(part, Message)]
    assert places == ["bytes 0-99/100000", "bytes 500-599/100000", "bytes 99993-99999/100000"]
    assert CONTENT[:100] in body
    assert CONTENT[500:600] in body
    assert CONTENT[-7:] in body


async def test_a_rest_is_only_sent_of_the_version_that_was_begun(rig: Rig, tmp_path: Path) -> None:
    async with rig.client.head(rig.url + PATH) as response:
        etag = response.headers["ETag"]
    rest = {"Range": "bytes=99990-", "If-Range": etag}
    assert await rig.get(PATH, **rest) == (206, CONTENT[99990:])
    (tmp_path / "boot" / "ephemeral" / "abc" / "vmlinuz").write_bytes(b"new" * 40_000)
    assert await rig.get(PATH, **rest) == (200, b"new" * 40_000)


async def test_a_packed_file_beside_it_is_not_sent_instead(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "boot" / "ephemeral" / "abc" / "vmlinuz.gz").write_bytes(b"something else")
    assert await rig.get(PATH, **{"Accept-Encoding": "gzip"}) == (200, CONTENT)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("boot.efi", "application/efi"),
        ("BOOT.ISO", "application/vnd.efi-iso"),
        ("disk.img", "application/vnd.efi-img"),
        ("vmlinuz", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_firmware_is_told_size_and_kind_and_gets_no_chunks(
    rig: Rig, tmp_path: Path, method: str, name: str, kind: str
) -> None:
    (tmp_path / "boot" / name).write_bytes(b"12345")
    async with rig.client.request(method, f"{rig.url}/boot/files/{name}") as response:
        assert (response.status, response.content_length) == (200, 5)
        assert response.headers["Content-Type"] == kind
        assert "Transfer-Encoding" not in response.headers


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_an_empty_file_is_one(rig: Rig, tmp_path: Path, method: str) -> None:
    (tmp_path / "boot" / "empty").touch()
    async with rig.client.request(method, f"{rig.url}/boot/files/empty") as response:
        assert (response.status, response.content_length, await response.read()) == (200, 0, b"")


async def test_many_requests_go_over_one_connection(rig: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.66.1.1", int(rig.url.rpartition(":")[2]))
    for _ in range(3):
        writer.write(f"HEAD {PATH} HTTP/1.1\r\nHost: x\r\n\r\nGET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(CONTENT)) == CONTENT
    writer.close()
    await writer.wait_closed()


async def test_a_file_that_is_cut_short_ends_the_connection_and_is_told_of(rig: Rig, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    with rig.connect() as sock:
        await loop.sock_sendall(sock, b"GET /images/debian/disk.raw HTTP/1.1\r\nHost: x\r\n\r\n")
        await loop.sock_recv(sock, 1)
        os.truncate(tmp_path / "images" / "debian" / "disk.raw", 1 << 20)
        with pytest.raises(ConnectionResetError):
            await _read_all(sock)
    event = await rig.event()
    assert isinstance(event, TransferEnded)
    assert event.error == "the file became shorter while it was sent"
    assert event.sent_bytes < BIG_BYTES


@pytest.mark.parametrize("way", ["counted", "probed"])
async def test_what_is_on_the_disk_only_is_seen_and_brought_in(tmp_path: Path, way: str) -> None:
    memory = Memory()
    memory._counts = way == "counted"
    with (tmp_path / "cold").open("wb+") as file:
        file.write(os.urandom(3 << 20))
        file.flush()
        os.fsync(file.fileno())
        assert memory.has(file.fileno(), 0, 3 << 20)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if memory.has(file.fileno(), 0, 3 << 20):
            pytest.skip("the folder for temporary files is on no disk")
        bring_in(file.fileno(), 1 << 20, 1 << 20)
        assert memory.has(file.fileno(), 1 << 20, 1 << 20)
        assert memory.has(file.fileno(), (1 << 20) + 5_000, 10_000)
        assert not memory.has(file.fileno(), 0, 3 << 20)


async def test_a_file_that_is_never_in_memory_is_sent_all_the_same(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network file system, of which the kernel cannot tell."""
    monkeypatch.setattr(Memory, "has", lambda *_: False)
    assert len((await rig.get("/images/debian/disk.raw"))[1]) == BIG_BYTES


async def test_a_client_that_is_gone_before_its_answer_begins_is_no_fault(rig: Rig) -> None:
    host, port = rig.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()
    await writer.wait_closed()
    with pytest.raises(OSError, match="Bad file descriptor"):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    assert isinstance(writer.transport, asyncio.Transport)
    with _corked(writer.transport):
        pass


async def test_an_address_that_is_missing_keeps_nobody_else_from_being_served(tmp_path: Path) -> None:
    missing = msgspec.structs.replace(SUBNET, name="gone", address=IPv4Address("192.0.2.1"))
    async with running(tmp_path, msgspec.structs.replace(SNAPSHOT, subnets=(missing, SUBNET))) as rig:
        assert (await rig.get("/boot/start.ipxe"))[0] == 200
        assert list(rig.service.closed) == ["192.0.2.1"]
        assert "is not an address of this machine" in rig.service.closed["192.0.2.1"]
        rig.service._rack.replace(SNAPSHOT)
        await until(lambda: not rig.service.closed)


async def test_an_address_that_comes_free_is_served_within_seconds(tmp_path: Path) -> None:
    other = msgspec.structs.replace(SUBNET, name="other", address=IPv4Address("127.66.1.2"))
    async with running(tmp_path) as rig:
        port = int(rig.url.rpartition(":")[2])
        with socket.socket() as squatter:
            squatter.bind(("127.66.1.2", port))
            squatter.listen()
            rig.service._rack.replace(msgspec.structs.replace(SNAPSHOT, subnets=(SUBNET, other)))
            await until(lambda: "127.66.1.2" in rig.service.closed)
            assert "in use" in rig.service.closed["127.66.1.2"]
        await until(lambda: not rig.service.closed)
        async with rig.client.get(f"http://127.66.1.2:{port}/boot/start.ipxe") as response:
            assert response.status == 200


@pytest.mark.parametrize("mode", [SubnetMode.SERVE, SubnetMode.PROXY])
async def test_machines_boot_where_somebody_else_gives_addresses_too(tmp_path: Path, mode: SubnetMode) -> None:
    subnet = msgspec.structs.replace(SUBNET, mode=mode)
    relayed = msgspec.structs.replace(SUBNET, name="far", relayed=True)
    async with running(tmp_path, RackSnapshot(subnets=(relayed, subnet))) as rig:
        assert (await rig.get("/boot/start.ipxe"))[0] == 200
        assert rig.service.closed == {}
