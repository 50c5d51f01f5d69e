"""Real BMCs for tests: `ipmi_sim` of OpenIPMI on loopback, one process each."""

import asyncio
import contextlib
import shutil
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fibrix.domain.power import Bmc, IpmiProtocol, PowerKind, PowerSettings
from fibrix.types import MachineId
from fibrix.wire.ipmi import rmcp

LOOPBACK = "127.0.0.1"
ALL_AUTHS = ("none", "md5", "straight")

_LAN = """name "test"
set_working_mc 0x20
  startlan 1
    addr {address} {port}
    priv_limit admin
    allowed_auths_callback {auths}
    allowed_auths_user {auths}
    allowed_auths_operator {auths}
    allowed_auths_admin {auths}
    guid a123456789abcdefa123456789abcdef
  endlan
  {chassis}
  user 1 true "" "test" user 10 {auths}
  user 2 true "admin" "secret" admin 10 {auths}
  user 3 true "weak" "secret" user 10 {auths}
  user 4 true "operator" "0123456789abcdef" operator 10 {auths}
"""
_EMULATION = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_enable 0x20
"""
_CHASSIS = """#!/bin/sh
# chassis_control of ipmi_sim: keeps power and boot device in files, and every order in a log.
cd "$(dirname "$0")" || exit 1
verb=$1; shift
if [ "$verb" = get ]; then
  for name; do
    case $name in
      power) echo "power:$(cat power)" ;;
      boot) echo "boot:$(cat boot)" ;;
    esac
  done
  exit 0
fi
while [ $# -gt 1 ]; do
  echo "$1 $2" >> orders
  case $1 in
    power) echo "$2" > power ;;
    boot) echo "$2" > boot ;;
    shutdown) echo 0 > power ;;
  esac
  shift 2
done
"""


@dataclass
class SimulatedBmc:
    """One running `ipmi_sim`; what it was ordered to do is in files of its folder."""

    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def power(self) -> bool:
        """Whether the machine behind it is on."""
        return (self.folder / "power").read_text().strip() == "1"

    @power.setter
    def power(self, on: bool) -> None:
        (self.folder / "power").write_text("1\n" if on else "0\n")

    @property
    def orders(self) -> list[str]:
        """All orders so far, as `power 1`."""
        log = self.folder / "orders"
        return log.read_text().splitlines() if log.exists() else []

    def bmc(
        self,
        *,
        protocol: IpmiProtocol = IpmiProtocol.AUTO,
        username: str = "admin",
        password: str = "secret",
        port: int = 0,
        machine: str = "m000000001",
        uefi: bool = False,
    ) -> Bmc:
        """Describe it as a driver wants it; `port` when something stands between."""
        settings = PowerSettings(
            kind=PowerKind.IPMI, address=LOOPBACK, port=port or self.port, username=username, protocol=protocol
        )
        return Bmc(machine=MachineId(machine), settings=settings, password=password, uefi=uefi)

    async def start(self) -> None:
        """Run it and wait until it answers."""
        program = shutil.which("ipmi_sim")
        assert program, "ipmi_sim is missing: install the Debian package openipmi"
        self.process = await asyncio.create_subprocess_exec(
            program, "-n", "-c", self.folder / "lan.conf", "-f", self.folder / "bmc.emu", "-s", self.folder / "state",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await answering(self.port)

    async def stop(self) -> None:
        """End it. What it knew of sessions is gone."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def prepare(
    folder: Path, *, port: int, auths: Sequence[str] = ALL_AUTHS, on: bool = False, machine: bool = True
) -> SimulatedBmc:
    """Write the files of one BMC; nothing runs yet. Without a `machine`, its power is off and costs no process."""
    (folder / "state").mkdir(parents=True)
    program = folder / "chassis"
    program.write_text(_CHASSIS)
    program.chmod(0o755)
    chassis = f'chassis_control "{program}"' if machine else ""
    (folder / "boot").write_text("default\n")
    lan = _LAN.format(address=LOOPBACK, port=port, auths=" ".join(auths), chassis=chassis)
    (folder / "lan.conf").write_text(lan)
    (folder / "bmc.emu").write_text(_EMULATION)
    bmc = SimulatedBmc(folder, port)
    bmc.power = on
    return bmc


@contextlib.asynccontextmanager
async def simulated_bmc(
    folder: Path, *, auths: Sequence[str] = ALL_AUTHS, on: bool = False
) -> AsyncIterator[SimulatedBmc]:
    """Run one BMC for as long as the block."""
    bmc = prepare(folder / "bmc", port=free_port(), auths=auths, on=on)
    try:
        await bmc.start()
        yield bmc
    finally:
        await bmc.stop()


@contextlib.asynccontextmanager
async def simulated_rack(
    folder: Path, count: int, *, on: bool = False, machines: bool = True
) -> AsyncIterator[list[SimulatedBmc]]:
    """Run many BMCs for as long as the block."""
    rack = [prepare(folder / f"bmc{i}", port=free_port(), on=on, machine=machines) for i in range(count)]
    try:
        async with asyncio.TaskGroup() as group:
            for bmc in rack:
                group.create_task(bmc.start(), name=f"start {bmc.port}")
        yield rack
    finally:
        for bmc in rack:
            await bmc.stop()


_given: set[int] = set()


def free_port() -> int:
    """Find a UDP port of loopback that nobody has, and that this process was not given before."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in _given:
            _given.add(port)
            return port


async def answering(port: int) -> None:
    """Ask for the authentication capabilities until there is an answer."""
    question = rmcp.wrap(struct.pack("<BIIB", 0, 0, 0, 9) + bytes.fromhex("2018c88100380e0336"))
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0)
        probe.bind(("127.0.0.2", 0))  # or the kernel might give it the very port of a BMC that is about to start
        probe.connect((LOOPBACK, port))
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                    probe.send(question)
                    async with asyncio.timeout(0.2):
                        await loop.sock_recv(probe, 1024)
                        return
                await asyncio.sleep(0.02)
