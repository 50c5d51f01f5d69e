import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network

import pytest

from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.power import Bmc, BootDevice, PowerAction, PowerKind, PowerSettings, PowerState
from fibrix.domain.rack import RackSnapshot
from fibrix.drivers.power.wol import WolDriver
from fibrix.errors import PowerError
from fibrix.runtime.cell import Cell
from fibrix.types import MacAddress, MachineId
from fibrix.wire.wol import MagicPacket

MACHINE = MachineId("m000000001")
MACS = (MacAddress("52:54:00:77:00:01"), MacAddress("52:54:00:77:00:02"))
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOOPBACK_SUBNET = Subnet(
    name="test",
    interface="lo",
    network=IPv4Network("127.0.0.0/8"),
    address=IPv4Address("127.0.0.1"),
    mode=SubnetMode.SERVE,
)


def bmc(address: str = "", macs: tuple[MacAddress, ...] = MACS) -> Bmc:
    return Bmc(machine=MACHINE, settings=PowerSettings(kind=PowerKind.WOL, address=address), macs=macs)


def driver(port: int = 9, *, seen: datetime | None = None, subnets: tuple[Subnet, ...] = ()) -> WolDriver:
    return WolDriver(Cell(RackSnapshot(subnets=subnets)), lambda _machine: seen, clock=lambda: NOON, port=port)


@pytest.fixture
def sleeper() -> Iterator[socket.socket]:
    """A socket that hears what is broadcast on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("", 0))
        listener.settimeout(0)
        yield listener


async def test_every_mac_is_woken_by_broadcast_on_the_subnet(sleeper: socket.socket) -> None:
    await driver(sleeper.getsockname()[1], subnets=(LOOPBACK_SUBNET,)).act(bmc(), PowerAction.ON)
    packets = await _heard(sleeper, 6)
    assert [MagicPacket.decode(packet).mac for packet in packets] == list(MACS) * 3
    assert all(len(packet) == 102 for packet in packets)


async def test_a_broadcast_address_of_the_operator_s_is_taken_first(sleeper: socket.socket) -> None:
    await driver(sleeper.getsockname()[1]).act(bmc("127.255.255.255", MACS[:1]), PowerAction.ON)
    assert MagicPacket.decode((await _heard(sleeper, 3))[0]).mac == MACS[0]


@pytest.mark.parametrize("action", [PowerAction.OFF, PowerAction.CYCLE, PowerAction.SOFT_OFF])
async def test_what_it_cannot_do_is_said(action: PowerAction) -> None:
    with pytest.raises(PowerError, match="cannot be switched off by Wake-on-LAN: shut it down by hand"):
        await driver().act(bmc(), action)


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (bmc(macs=()), "no MAC address is known"),
        (bmc(), "no subnet is configured"),
        (bmc("nowhere"), "not an IPv4 address: 'nowhere'"),
        (bmc("224.0.0.0.1"), "not an IPv4 address"),
    ],
)
async def test_what_is_missing_to_wake_it_is_said(machine: Bmc, words: str) -> None:
    with pytest.raises(PowerError, match=words):
        await driver().act(machine, PowerAction.ON)


async def test_an_interface_that_is_gone_is_said() -> None:
    gone = Subnet(
        name="gone",
        interface="gone",
        network=IPv4Network("192.0.2.0/24"),
        address=IPv4Address("192.0.2.1"),  # documentation's: nobody has it
        mode=SubnetMode.SERVE,
    )
    with pytest.raises(PowerError, match=r"cannot be sent to 192\.0\.2\.255: "):
        await driver(subnets=(gone,)).act(bmc(), PowerAction.ON)


@pytest.mark.parametrize(
    ("ago_s", "state", "detail"),
    [
        (None, PowerState.UNKNOWN, "never seen on the wire, and nothing else can tell"),
        (0, PowerState.ON, "seen on the wire 0 s ago"),
        (60, PowerState.ON, "seen on the wire 60 s ago"),
        (61, PowerState.UNKNOWN, "seen on the wire 61 s ago"),
    ],
)
async def test_the_state_is_what_the_wire_shows(ago_s: int | None, state: PowerState, detail: str) -> None:
    seen = None if ago_s is None else NOON - timedelta(seconds=ago_s)
    reading = await driver(seen=seen).status(bmc())
    assert (reading.state, reading.detail) == (state, detail)


async def test_a_boot_device_is_nothing_that_can_be_set() -> None:
    await driver().set_boot_device(bmc(), BootDevice.PXE)


async def _heard(listener: socket.socket, count: int) -> list[bytes]:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(2):
        return [await loop.sock_recv(listener, 2048) for _ in range(count)]
