"""The TFTP service on loopback sockets."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import msgspec
import pytest

from fibrix.bus import Bus, Subscription
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import TransferEnded
from fibrix.runtime.cell import Cell
from fibrix.runtime.files import BootFiles
from fibrix.services.tftp.service import TftpService, TftpSettings
from fibrix.wire.tftp import Ack, Data, Error, Message, OptionAck, Request, decode

SUBNET = Subnet(
    name="rack",
    interface="lo",
    network=IPv4Network("127.0.0.0/8"),
    address=IPv4Address("127.66.0.1"),
    mode=SubnetMode.SERVE,
)
CONTENT = os.urandom(1500)


class Client:
    """A socket that speaks TFTP messages."""

    def __init__(self, server: tuple[str, int], address: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind((address, 0))
        self.server = server

    async def ask(self, *messages: Message | bytes) -> Message:
        """Send to the port of the last answer; the next one."""
        for message in messages:
            self.socket.sendto(message if isinstance(message, bytes) else message.encode(), self.server)
        async with asyncio.timeout(5):
            datagram, self.server = await asyncio.get_running_loop().sock_recvfrom(self.socket, 70000)
        return decode(datagram)

    async def silence(self, seconds: float = 0.3) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_recvfrom(self.socket, 70000)


class Rig:
    """A running service with everything around it."""

    def __init__(
        self, folder: Path, port: int, ended: Subscription, service: TftpService, rack: Cell[RackSnapshot]
    ) -> None:
        self.folder, self.port, self.ended, self.service, self.rack = folder, port, ended, service, rack
        self.clients: list[Client] = []

    def client(self, server: str = "127.66.0.1", address: str = "127.0.0.1") -> Client:
        self.clients.append(Client((server, self.port), address))
        return self.clients[-1]

    async def event(self) -> TransferEnded:
        async with asyncio.timeout(5):
            (event,) = await self.ended.batch()
        assert isinstance(event, TransferEnded)
        return event


@asynccontextmanager
async def running(folder: Path, **limits: int) -> AsyncIterator[Rig]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.66.0.1", 0))
        port = probe.getsockname()[1]
    bus, rack = Bus(), Cell(RackSnapshot(subnets=(SUBNET,)))
    (folder / "file").write_bytes(CONTENT)
    service = TftpService(rack, BootFiles([folder]), bus, TftpSettings(port=port, **limits))
    with bus.subscribe(TransferEnded) as ended:
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            task = group.create_task(service.run(ready))
            await ready.wait()
            rig = Rig(folder, port, ended, service, rack)
            try:
                yield rig
            finally:
                for client in rig.clients:
                    client.socket.close()
                task.cancel()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path) as rig:
        yield rig


async def test_a_file_is_sent_and_told_of(rig: Rig) -> None:
    client = rig.client()
    assert await client.ask(Request("file")) == Data(1, CONTENT[:512])
    assert client.server[0] == "127.66.0.1"
    assert client.server[1] != rig.port
    assert await client.ask(Ack(1)) == Data(2, CONTENT[512:1024])
    assert await client.ask(Ack(2)) == Data(3, CONTENT[1024:])
    client.socket.sendto(Ack(3).encode(), client.server)
    event = await rig.event()
    assert (event.address, event.file, event.protocol) == (IPv4Address("127.0.0.1"), "file", "tftp")
    assert (event.sent_bytes, event.total_bytes, event.error) == (1500, 1500, "")


async def test_options_are_agreed_to_and_a_window_comes_at_once(rig: Rig) -> None:
    client = rig.client()
    options = {"tsize": "0", "blksize": "500", "windowsize": "3", "timeout": "2", "unknown": "1"}
    agreed = {"tsize": "1500", "blksize": "500", "windowsize": "3", "timeout": "2"}
    assert await client.ask(Request("file", options=options)) == OptionAck(agreed)
    assert await client.ask(Ack(0)) == Data(1, CONTENT[:500])
    assert await client.ask() == Data(2, CONTENT[500:1000])
    assert await client.ask() == Data(3, CONTENT[1000:])
    assert await client.ask(Ack(3)) == Data(4, b"")


async def test_netascii_is_translated_and_its_size_is_that_of_the_translation(rig: Rig) -> None:
    (rig.folder / "text").write_bytes(b"one\ntwo\n")
    client = rig.client()
    assert await client.ask(Request("text", "netascii", {"tsize": "0"})) == OptionAck({"tsize": "10"})
    assert await client.ask(Ack(0)) == Data(1, b"one\r\ntwo\r\n")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request("nothing"), 1),
        (Request("../file"), 2),
        (Request("file", write=True), 2),
        (Request("file", "mail"), 4),
        (Ack(1), 5),
        (Data(1, b"x"), 5),
        (b"\0\x09nonsense", 4),
        (b"\0\x01file\0octet", 4),
    ],
    ids=str,
)
async def test_refusals_carry_the_code_of_the_rfc(rig: Rig, request_: Message | bytes, code: int) -> None:
    answer = await rig.client().ask(request_)
    assert isinstance(answer, Error)
    assert answer.code == code
    assert answer.message


async def test_an_error_is_never_answered(rig: Rig) -> None:
    client = rig.client()
    for datagram in (Error(4, "x").encode(), b"\0\x05", b"\0\x05\0"):
        client.socket.sendto(datagram, client.server)
    await client.silence()


async def test_a_stranger_does_not_disturb_a_transfer(rig: Rig) -> None:
    client, stranger = rig.client(), rig.client()
    await client.ask(Request("file"))
    stranger.server = client.server
    answer = await stranger.ask(Ack(1))
    assert isinstance(answer, Error)
    assert answer.code == 5
    assert await client.ask(Ack(1)) == Data(2, CONTENT[512:1024])


async def test_garbage_in_mid_transfer_is_left_alone(rig: Rig) -> None:
    client = rig.client()
    await client.ask(Request("file"))
    assert await client.ask(b"\xff" * 100, b"", Request("file"), Ack(1)) == Data(2, CONTENT[512:1024])


async def test_a_request_that_was_sent_twice_begins_one_transfer(rig: Rig) -> None:
    client = rig.client()
    await client.ask(Request("file"), Request("file"))
    await client.silence()
    assert rig.service.transfers == 1


async def test_a_client_may_start_anew_from_the_same_port(rig: Rig) -> None:
    (rig.folder / "other").write_bytes(b"other")
    client = rig.client()
    await client.ask(Request("file"))
    client.server = ("127.66.0.1", rig.port)
    assert await client.ask(Request("other")) == Data(1, b"other")
    assert rig.service.transfers == 1


async def test_asking_for_the_size_and_breaking_off_is_no_transfer(rig: Rig) -> None:
    client = rig.client()
    await client.ask(Request("file", options={"tsize": "0"}))
    client.socket.sendto(Error(8, "User aborted the transfer").encode(), client.server)
    await client.silence()
    assert rig.service.transfers == 0
    await test_a_file_is_sent_and_told_of(rig)  # and only that is told of


async def test_what_is_not_acknowledged_is_sent_again(rig: Rig) -> None:
    client = rig.client()
    assert await client.ask(Request("file", options={"timeout": "1"})) == await client.ask()


async def test_a_file_that_is_cut_short_ends_with_an_error(rig: Rig) -> None:
    (rig.folder / "large").write_bytes(bytes(200_000))
    client = rig.client()
    answer, block = await client.ask(Request("large")), 0
    os.truncate(rig.folder / "large", 600)
    while isinstance(answer, Data):
        block += 1
        answer = await client.ask(Ack(block))
    assert isinstance(answer, Error)
    assert "shorter" in (await rig.event()).error


async def begun(client: Client) -> Client:
    """A client that has got and acknowledged its first block."""
    options = {"timeout": "30"}  # nothing is sent again within a test
    assert await client.ask(Request("file", options=options)) == OptionAck(options)
    assert await client.ask(Ack(0)) == Data(1, CONTENT[:512])
    assert await client.ask(Ack(1)) == Data(2, CONTENT[512:1024])
    return client


async def test_one_client_cannot_take_all_transfers(tmp_path: Path) -> None:
    async with running(tmp_path, transfers=3, transfers_per_client=2) as rig:
        for _ in range(2):
            await begun(rig.client())
        greedy = rig.client()
        greedy.socket.sendto(Request("file").encode(), greedy.server)
        await greedy.silence()
        await begun(rig.client(address="127.0.0.2"))
        late = rig.client(address="127.0.0.3")
        late.socket.sendto(Request("file").encode(), late.server)
        await late.silence()
        assert rig.service.counters.over_limit == 2


async def test_who_never_answers_makes_room_for_who_does(tmp_path: Path) -> None:
    async with running(tmp_path, transfers=3, transfers_per_client=3) as rig:
        first = await begun(rig.client())
        for number in range(20):
            await rig.client(address=f"127.0.1.{number}").ask(Request("file"))
        assert rig.service.transfers == 3
        await begun(rig.client(address="127.0.0.3"))
        assert await first.ask(Ack(2)) == Data(3, CONTENT[1024:])


async def test_a_client_that_closes_its_port_is_told_of_at_once(rig: Rig) -> None:
    client = rig.client()
    await client.ask(Request("file", options={"windowsize": "2", "timeout": "1"}))
    await client.ask(Ack(0))
    client.socket.sendto(Ack(1).encode(), client.server)
    client.socket.close()
    assert (await rig.event()).error == "the client closed its port"
    assert rig.service.transfers == 0


async def test_an_address_that_is_missing_keeps_nobody_else_from_being_served(rig: Rig) -> None:
    missing = msgspec.structs.replace(SUBNET, name="gone", address=IPv4Address("192.0.2.1"))
    rig.rack.replace(RackSnapshot(subnets=(missing, SUBNET)))
    await asyncio.sleep(0.1)
    assert await rig.client().ask(Request("file")) == Data(1, CONTENT[:512])
    assert list(rig.service.closed) == ["192.0.2.1"]
    assert "is not an address of this machine" in rig.service.closed["192.0.2.1"]
    rig.rack.replace(RackSnapshot(subnets=(SUBNET,)))
    await asyncio.sleep(0.1)
    assert rig.service.closed == {}


async def test_an_address_that_comes_free_is_served_within_seconds(rig: Rig) -> None:
    other = msgspec.structs.replace(SUBNET, name="other", address=IPv4Address("127.66.0.2"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
        squatter.bind(("127.66.0.2", rig.port))
        rig.rack.replace(RackSnapshot(subnets=(SUBNET, other)))
        await asyncio.sleep(0.1)
        assert "in use" in rig.service.closed["127.66.0.2"]
    await asyncio.sleep(2.5)
    assert rig.service.closed == {}
    assert await rig.client("127.66.0.2").ask(Request("file")) == Data(1, CONTENT[:512])


@pytest.mark.parametrize("mode", SubnetMode)
async def test_machines_boot_on_every_subnet_but_one_that_is_only_observed(rig: Rig, mode: SubnetMode) -> None:
    rig.rack.replace(RackSnapshot(subnets=(msgspec.structs.replace(SUBNET, mode=mode),)))
    await asyncio.sleep(0.1)
    client = rig.client()
    client.socket.sendto(Request("file").encode(), client.server)
    if mode is SubnetMode.OBSERVE:
        await client.silence()
    else:
        assert await client.ask() == Data(1, CONTENT[:512])


async def test_a_subnet_behind_a_relay_shares_the_address_of_another(rig: Rig) -> None:
    far = msgspec.structs.replace(
        SUBNET, name="far", network=IPv4Network("127.99.0.0/16"), relayed=True, mtu=600, mode=SubnetMode.PROXY
    )
    near = msgspec.structs.replace(SUBNET, network=IPv4Network("127.0.0.0/16"))
    rig.rack.replace(RackSnapshot(subnets=(far, near)))
    await asyncio.sleep(0.1)
    asked = Request("file", options={"blksize": "1400"})
    assert await rig.client().ask(asked) == OptionAck({"blksize": "1400"})
    assert await rig.client(address="127.99.0.1").ask(asked) == OptionAck({"blksize": "568"})
    assert rig.service.closed == {}


async def test_a_subnet_that_comes_is_served_and_one_that_goes_is_not(rig: Rig) -> None:
    other = msgspec.structs.replace(SUBNET, name="other", address=IPv4Address("127.66.0.2"))
    rig.rack.replace(RackSnapshot(subnets=(other,)))
    await asyncio.sleep(0.1)
    assert await rig.client("127.66.0.2").ask(Request("file")) == Data(1, CONTENT[:512])
    former = rig.client()
    former.socket.sendto(Request("file").encode(), former.server)
    await former.silence()


async def test_a_changed_subnet_keeps_its_address(rig: Rig) -> None:
    rig.rack.replace(RackSnapshot(subnets=(msgspec.structs.replace(SUBNET, mtu=600),)))
    await asyncio.sleep(0.1)
    answer = await rig.client().ask(Request("file", options={"blksize": "1400"}))
    assert answer == OptionAck({"blksize": "568"})
