"""QEMU machines that boot by their firmware alone, on a wire to the rack's real services."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from fibrix.bus import Bus, Subscription
from fibrix.domain.network import AddressRange, Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.events.base import Event
from fibrix.events.rack import BootAsked, DiscoverSeen, LeaseGranted, TransferEnded
from fibrix.runtime.cell import Cell
from fibrix.runtime.files import BootFiles
from fibrix.runtime.service import Service
from fibrix.services.dhcp.pxe_port import PxePort, PxePortSettings
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.services.httpboot.service import HttpBootService, HttpBootSettings
from fibrix.services.ndp.service import NdpService
from fibrix.services.tftp.service import TftpService, TftpSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress
from tests.peers.dhcp_link import dnsmasq
from tests.support.netns import Wire, ip, wire

MAC = MacAddress("52:54:00:77:66:09")
IPXE = Path("/usr/lib/ipxe")
OTHER_SERVER = "10.66.0.2"
OVMF = Path("/usr/share/OVMF")
SUBNET = Subnet(
    name="rack",
    interface="s0",
    network=IPv4Network("10.66.0.0/24"),
    address=IPv4Address("10.66.0.1"),
    mode=SubnetMode.SERVE,
    ranges=(AddressRange(first=IPv4Address("10.66.0.100"), last=IPv4Address("10.66.0.109")),),
)


@dataclass
class Booting:
    """What was heard of a machine, with the seconds since its power came on."""

    events: Subscription
    began: float
    seen: list[tuple[float, Event]] = field(default_factory=list)

    async def asked(self) -> BootAsked:
        """Wait until iPXE on it has asked what to boot."""
        while True:
            for event in await self.events.batch():
                self.seen.append((round(time.monotonic() - self.began, 1), event))
                if isinstance(event, BootAsked):
                    return event

    def files(self) -> list[tuple[str, str]]:
        """The files that were sent whole: protocol and name, each once, in order."""
        sent = [e for _, e in self.seen if isinstance(e, TransferEnded) and not e.error and e.sent_bytes]
        return list(dict.fromkeys((event.protocol, event.file) for event in sent))

    def leases(self) -> set[IPv4Address]:
        """The addresses that it got."""
        return {event.address for _, event in self.seen if isinstance(event, LeaseGranted)}

    def discovers(self) -> list[str]:
        """The vendor classes of its DHCPDISCOVERs, each once."""
        return list(dict.fromkeys(event.vendor_class for _, event in self.seen if isinstance(event, DiscoverSeen)))

    def after(self, kind: type[Event]) -> float:
        """When the first event of a kind was heard."""
        return next(at for at, event in self.seen if isinstance(event, kind))


@contextmanager
def cable(prefix: str) -> Iterator[Wire]:
    """A wire whose far end is a switch port for a machine: bridge `br0`, tap `tap0`."""
    with wire(prefix) as plugged:
        plugged.plug(f"{SUBNET.address}/24")
        for words in (
            "link add br0 type bridge stp_state 0 forward_delay 0",
            "link set br0 up",
            "link set c0 master br0",
            "tuntap add tap0 mode tap",
            "link set tap0 master br0 up",
        ):
            ip("-n", plugged.client, *words.split())
        yield plugged


@asynccontextmanager
async def services(folder: Path, subnet: Subnet, *without: type[Service]) -> AsyncIterator[Bus]:
    """Everything that a machine meets while it boots."""
    bus, rack, files = Bus(), Cell(RackSnapshot(subnets=(subnet,))), BootFiles((), packaged=(IPXE,))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(folder / "rack.db", "rack"))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        all_of_them: tuple[Service, ...] = (
            DhcpService(rack, Bindings(database), bus, DhcpSettings(http_port=5248)),
            TftpService(rack, files, bus, TftpSettings()),
            HttpBootService(rack, files, BootFiles(()), bus, HttpBootSettings()),
            NdpService(rack, bus),
            PxePort(rack, PxePortSettings(http_port=5248)),
        )
        tasks = []
        for service in all_of_them:
            if not isinstance(service, without):
                ready = asyncio.Event()
                tasks.append(group.create_task(service.run(ready), name=service.name))
                await ready.wait()
        yield bus
        for task in tasks:
            task.cancel()


def bios(*more: str) -> list[str]:
    """A PC with SeaBIOS; its network card brings iPXE along."""
    return ["-machine", "q35,accel=tcg,graphics=off", "-device", f"virtio-net-pci,netdev=n0,mac={MAC}", *more]


def uefi(folder: Path, *more: str) -> list[str]:
    """A PC with OVMF, which has network boot of its own."""
    shutil.copy(OVMF / "OVMF_VARS_4M.fd", folder / "vars.fd")
    flash = (f"readonly=on,file={OVMF}/OVMF_CODE_4M.fd", f"file={folder}/vars.fd")
    drives = [word for part in flash for word in ("-drive", f"if=pflash,format=raw,{part}")]
    nic = f"virtio-net-pci,netdev=n0,mac={MAC},romfile=,bootindex=1"
    return ["-machine", "q35,accel=tcg", "-device", nic, "-device", "virtio-rng-pci", *drives, *more]


@asynccontextmanager
async def machine(bus: Bus, plugged: Wire, folder: Path, hardware: list[str]) -> AsyncIterator[Booting]:
    """Switch it on; it is gone at the end of the block, and its console is in `serial.log`."""
    command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-m", "256", "-no-reboot"]
    command += ["-serial", f"file:{folder}/serial.log", "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no"]
    with bus.subscribe(Event) as events:
        began = time.monotonic()
        qemu = await asyncio.create_subprocess_exec("ip", "netns", "exec", plugged.client, *command, *hardware)
        try:
            yield Booting(events, began)
        finally:
            qemu.kill()
            await qemu.wait()


@asynccontextmanager
async def other_server(plugged: Wire, folder: Path) -> AsyncIterator[None]:
    """A dnsmasq on the same link, that gives addresses from .150 on and knows nothing of booting."""
    ip("-n", plugged.client, "addr", "add", f"{OTHER_SERVER}/24", "dev", "br0")
    command = dnsmasq(folder, "br0", "10.66.0.150", "10.66.0.159")
    process = await asyncio.create_subprocess_exec("ip", "netns", "exec", plugged.client, *command)
    try:
        yield
    finally:
        process.kill()
        await process.wait()
