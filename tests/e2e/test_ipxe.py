"""A real iPXE, of Debian's package, follows the scripts: waits, boots, fails, asks again, leaves for its disk.

QEMU's user network stands for the switch: its DHCP names our first script, and what the machine sends to 127.66.3.1
comes out of the loopback interface. So neither root nor a namespace is needed.
"""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import msgspec
import pytest

from fibrix.bus import Bus, Subscription
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.events.base import Event
from fibrix.events.rack import BootAsked, TransferEnded
from fibrix.runtime.cell import Cell
from fibrix.runtime.files import BootFiles
from fibrix.services.httpboot.service import HttpBootService, HttpBootSettings
from fibrix.services.tftp.service import TftpService, TftpSettings
from fibrix.types import MacAddress, MachineId

ADDRESS = "127.66.3.1"
MAC = MacAddress("52:54:00:77:66:03")
SUBNET = Subnet(
    name="rack",
    interface="lo",
    network=IPv4Network("127.0.0.0/8"),
    address=IPv4Address(ADDRESS),
    mode=SubnetMode.SERVE,
)
OVMF = Path("/usr/share/OVMF")

# Says "FROM DISK" on the first serial port, and halts: `lodsb; test; jz; mov dx,3f8h; out dx,al; jmp` over the text.
BOOT_SECTOR = (bytes.fromhex("31c08ed8be157cac84c07406baf803eeebf5f4ebfd") + b"\r\nFROM DISK\r\n\0").ljust(
    510, b"\0"
) + b"\x55\xaa"


@dataclass
class Machine:
    """A QEMU machine, what the services told of it, and its serial console."""

    rack: Cell[RackSnapshot]
    events: Subscription
    output: asyncio.StreamReader
    console: bytes = b""
    seen: list[Event] = field(default_factory=list)

    def give(self, action: BootAction) -> None:
        """Change what the machine boots."""
        url = "http://{address}:5249/agent/v1/"
        entry = BootEntry(machine=MachineId("m1"), action=action, hostname="calm-otter", agent_url=url, token="tok")
        self.rack.replace(msgspec.structs.replace(self.rack.value, boot={MAC: entry}))

    async def asked(self, action: BootAction) -> BootAsked:
        """Wait until it asked and was given this."""
        while True:
            for event in self.seen:
                if isinstance(event, BootAsked) and event.action is action:
                    self.seen.clear()
                    return event
            self.seen += await self.events.batch()

    async def fetched(self, name: str) -> TransferEnded:
        """Wait until it has fetched a file."""
        while True:
            for event in self.seen:
                if isinstance(event, TransferEnded) and event.file == name:
                    return event
            self.seen += await self.events.batch()

    async def shows(self, text: bytes) -> None:
        """Wait until the console has shown this."""
        while text not in self.console:
            got = await self.output.read(4096)
            assert got, f"the machine stopped; its console: {self.console[-2000:]!r}"
            self.console += got


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def arguments(firmware: str, folder: Path, boot_file: str) -> list[str]:
    """QEMU's, for a machine of 256 MB without acceleration."""
    (folder / "disk.raw").write_bytes(BOOT_SECTOR.ljust(1 << 20, b"\0"))
    common = ["-m", "256", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"]
    common += ["-uuid", "00112233-4455-6677-8899-aabbccddeeff"]
    common += ["-smbios", "type=1,manufacturer=Acme & Co; || #1,product=Big Box,serial=S/N 1"]
    common += ["-netdev", f"user,id=n0,bootfile={boot_file}"]
    common += ["-drive", f"file={folder}/disk.raw,if=none,id=d0,format=raw", "-device", "virtio-blk-pci,drive=d0"]
    if firmware == "bios":
        nic = f"virtio-net-pci,netdev=n0,mac={MAC},bootindex=1"
        return ["-machine", "q35,accel=tcg,graphics=off", *common, "-device", nic]
    (folder / "esp/EFI/BOOT").mkdir(parents=True)  # stands for the firmware's own network boot of ipxe.efi
    shutil.copy("/usr/lib/ipxe/ipxe.efi", folder / "esp/EFI/BOOT/BOOTX64.EFI")
    shutil.copy(OVMF / "OVMF_VARS_4M.fd", folder / "vars.fd")
    flash = [f"readonly=on,file={OVMF}/OVMF_CODE_4M.fd", f"file={folder}/vars.fd"]
    common += [word for part in flash for word in ("-drive", f"if=pflash,format=raw,{part}")]
    common += ["-drive", f"file=fat:rw:{folder}/esp,if=none,id=d1,format=raw"]
    common += ["-device", "virtio-blk-pci,drive=d1,bootindex=1"]
    return ["-machine", "q35,accel=tcg", *common, "-device", f"virtio-net-pci,netdev=n0,mac={MAC},romfile="]


@asynccontextmanager
async def booted(firmware: str, folder: Path, protocol: str) -> AsyncIterator[Machine]:
    """Both services, and a machine that network-boots from them."""
    http, tftp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    bus, rack = Bus(), Cell(RackSnapshot(subnets=(SUBNET,), ephemeral="abc", console="console=ttyS0"))
    files = folder / "boot"
    (files / "ephemeral/abc").mkdir(parents=True)
    for name in ("vmlinuz", "initrd"):
        (files / "ephemeral/abc" / name).write_bytes(
            b"no kernel, no initrd" * 60_000
        )  # too large for a BIOS boot program
    (files / "first.ipxe").write_text(f"#!ipxe\nchain --replace http://{ADDRESS}:{http}/boot/start.ipxe\n")
    served = BootFiles([files])
    first = f"http://{ADDRESS}:{http}/boot/start.ipxe" if protocol == "http" else f"tftp://{ADDRESS}:{tftp}/first.ipxe"
    services = (
        HttpBootService(rack, served, BootFiles([]), bus, HttpBootSettings(port=http)),
        TftpService(rack, served, bus, TftpSettings(port=tftp)),
    )
    with bus.subscribe(Event) as events:
        async with asyncio.TaskGroup() as group:
            tasks = []
            for service in services:
                ready = asyncio.Event()
                tasks.append(group.create_task(service.run(ready)))
                await ready.wait()
            qemu = await asyncio.create_subprocess_exec(
                "qemu-system-x86_64",
                *arguments(firmware, folder, first),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
            )
            assert qemu.stdout is not None
            try:
                yield Machine(rack, events, qemu.stdout)
            finally:
                qemu.kill()
                await qemu.communicate()
                for task in tasks:
                    task.cancel()


@pytest.mark.e2e
@pytest.mark.timeout(240)
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
async def test_ipxe_waits_boots_fails_asks_again_and_leaves_for_the_disk(tmp_path: Path, firmware: str) -> None:
    async with booted(firmware, tmp_path, "http") as machine:
        asked = await machine.asked(BootAction.WAIT)
        assert (asked.mac, asked.known, asked.uefi) == (MAC, False, firmware == "uefi")
        assert asked.uuid == "00112233-4455-6677-8899-aabbccddeeff"
        assert (asked.manufacturer, asked.product, asked.serial) == ("Acme & Co; || #1", "Big Box", "S/N 1")
        await machine.asked(BootAction.WAIT)  # it goes on asking
        machine.give(BootAction.EPHEMERAL)
        assert (await machine.fetched("ephemeral/abc/vmlinuz")).error == ""
        await machine.asked(BootAction.EPHEMERAL)
        await machine.asked(BootAction.EPHEMERAL)  # what it fetched is no kernel: it asks again
        machine.give(BootAction.DISK)
        await machine.asked(BootAction.DISK)
        await machine.shows(b"FROM DISK" if firmware == "bios" else b"BdsDxe: failed to start")


@pytest.mark.e2e
@pytest.mark.timeout(120)
async def test_ipxe_fetches_its_first_script_by_tftp(tmp_path: Path) -> None:
    async with booted("bios", tmp_path, "tftp") as machine:
        event = await machine.fetched("first.ipxe")
        assert (event.protocol, event.error) == ("tftp", "")
        assert not (await machine.asked(BootAction.WAIT)).known
