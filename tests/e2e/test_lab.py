"""The lab's machines are booted: what they do on the wire, and what their power button does to them."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fibrix.lab.process import run
from fibrix.lab.rack import Rack
from fibrix.lab.spec import MachinePlan
from tests.lab.labs import lab, needs_root
from tests.support.netns import entered
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), needs_root]

# 16-bit code that boots from a disk: say `on` on the serial port (COM1, 3F8h), wait 15 ticks of 55 ms at 0:46Ch, then …
_SAY_AND_WAIT = bytes.fromhex(
    "ba f803 b06f ee b06e ee b00a ee 31c0 8ed8 8b1e6c04 83c30f fb f4 391e6c04 72f9".replace(" ", "")
)
_REBOOT = bytes.fromhex("b006 baf90c ee f4".replace(" ", ""))  # … full reset by port CF9h (Intel ICH9)
_POWER_OFF = bytes.fromhex(
    "b80020 ba0406 ef f4".replace(" ", "")
)  # … SLP_EN and QEMU's type for S5, 0, into PM1a_CNT, 604h


@contextmanager
def dhcp_port(rack: Rack) -> Iterator[socket.socket]:
    """Listen where the controller would listen for DHCP."""
    with entered(rack.network.server), socket.socket(type=socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"racks")
        listener.bind(("0.0.0.0", 67))
        listener.settimeout(0)
        yield listener


async def discover(listener: socket.socket, plan: MachinePlan) -> bytes:
    """Wait for the machine's DHCPDISCOVER (RFC 2131 §2: op at 0, chaddr at 28, options from 240)."""
    mac = bytes.fromhex(plan.mac.replace(":", ""))
    while True:
        try:
            datagram = listener.recv(2048)
        except BlockingIOError:
            await asyncio.sleep(0.05)
            continue
        if datagram[0] == 1 and datagram[28:34] == mac and b"\x35\x01\x01" in datagram[240:]:
            return datagram


async def serial(rack: Rack, plan: MachinePlan, pattern: str) -> str:
    """Wait until a machine's serial log matches."""
    path = rack.paths.serial_log(plan)
    while True:
        text = path.read_bytes().decode(errors="replace")
        if re.search(pattern, text, re.DOTALL):
            return text
        await asyncio.sleep(0.1)


async def ipmi(rack: Rack, plan: MachinePlan, *words: str) -> str:
    """Command a BMC by a tool that is not ours."""
    argv = ("ipmitool", "-I", "lan", "-A", "MD5", "-H", str(plan.bmc_address), "-U", "admin", "-P", "secret", *words)
    return (await run(*rack.network.in_server, *argv)).strip()


async def put_on_disk(rack: Rack, plan: MachinePlan, code: bytes) -> None:
    """Give a machine a disk that boots into this code."""
    folder = rack.paths.machine(plan)
    (folder / "disk.raw").write_bytes(code.ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
    await run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", folder / "disk.raw", folder / "disk.qcow2")


@pytest.mark.parametrize(("firmware", "architecture"), [("bios", 0), ("uefi", 7)])
async def test_a_machine_that_is_plugged_in_asks_for_a_network_boot(
    tmp_path: Path, firmware: str, architecture: int
) -> None:
    async with lab("t-e2e-pxe", tmp_path, firmware=firmware, memory_mb=256) as rack:
        plan = rack.plans[0]
        with dhcp_port(rack) as listener:
            await rack.power(plan.name, "plug")
            datagram = await discover(listener, plan)
        assert b"PXEClient" in datagram
        assert b"\x5d\x02" + architecture.to_bytes(2, "big") in datagram  # option 93, RFC 4578 §2.1


async def test_a_pulled_cable_lets_nothing_through(tmp_path: Path) -> None:
    async with lab("t-e2e-nic", tmp_path, memory_mb=128) as rack:
        plan = rack.plans[0]
        with dhcp_port(rack) as listener:
            await rack.power(plan.name, "unplug-nic")
            await rack.power(plan.name, "plug")
            await serial(rack, plan, r"Configuring \(net0")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await discover(listener, plan)
            await rack.power(plan.name, "plug-nic")
            await discover(listener, plan)


async def test_the_bmc_powers_the_machine_and_chooses_its_disk_once(tmp_path: Path) -> None:
    async with lab("t-e2e-bmc", tmp_path, memory_mb=128, bmc="1.5") as rack:
        plan = rack.plans[0]
        await put_on_disk(rack, plan, _SAY_AND_WAIT + b"\xeb\xfe")
        assert await ipmi(rack, plan, "chassis", "bootdev", "disk") == "Set Boot Device to disk"
        await ipmi(rack, plan, "chassis", "power", "on")
        text = await serial(rack, plan, "on\n")
        assert "iPXE initialising" not in text
        assert await ipmi(rack, plan, "chassis", "power", "status") == "Chassis Power is on"
        await ipmi(rack, plan, "chassis", "power", "cycle")
        await serial(
            rack, plan, "boot device default.*boot device none.*iPXE initialising"
        )  # the choice was for one boot
        await ipmi(rack, plan, "chassis", "power", "off")
        assert await ipmi(rack, plan, "chassis", "power", "status") == "Chassis Power is off"
        assert rack.status()[0].power == "off"


async def test_a_guest_that_reboots_itself_boots_again_with_its_power_on(tmp_path: Path) -> None:
    async with lab("t-e2e-reboot", tmp_path, memory_mb=128) as rack:
        plan = rack.plans[0]
        await put_on_disk(rack, plan, _SAY_AND_WAIT + _REBOOT)
        await ipmi(rack, plan, "chassis", "bootdev", "disk")
        await rack.power(plan.name, "on")
        await serial(rack, plan, "power on.*on\n.*power on")
        assert await ipmi(rack, plan, "chassis", "power", "status") == "Chassis Power is on"


async def test_a_guest_that_powers_itself_off_is_off(tmp_path: Path) -> None:
    async with lab("t-e2e-off", tmp_path, memory_mb=128) as rack:
        plan = rack.plans[0]
        await put_on_disk(rack, plan, _SAY_AND_WAIT + _POWER_OFF)
        await ipmi(rack, plan, "chassis", "bootdev", "disk")
        await rack.power(plan.name, "on")
        await serial(rack, plan, "on\n")
        await until(lambda: not rack.machine(plan).is_on, 60)
        assert await ipmi(rack, plan, "chassis", "power", "status") == "Chassis Power is off"
        assert "guest-shutdown" in (rack.paths.machine(plan) / "qmp.log").read_text()
