"""A machine that has been installed: a disk with an image and its seed, run by QEMU in a namespace with DHCP."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from fibrix.domain.network import Subnet, SubnetMode
from fibrix.store.images import Images
from tests.support.built import IMAGES_DIR, debian_image
from tests.support.netns import ip

NAMESPACE: Final = "fximg"
CONTROLLER: Final = IPv4Address("10.79.0.1")
MACHINE: Final = IPv4Address("10.79.0.100")
PORT: Final = 5249
DISK_BYTES: Final = 4 << 30

SUBNET: Final = Subnet(
    name="image", interface="br0", network=IPv4Network("10.79.0.0/24"), address=CONTROLLER, mode=SubnetMode.SERVE
)

_OVMF: Final = Path("/usr/share/OVMF")


async def image_file() -> Path:
    """The Debian image, built the first time that a checkout asks for it."""
    manifest = await debian_image()
    return Images(IMAGES_DIR).get(manifest.name).path


def lay_network() -> None:
    """A bridge with the controller's address and a tap for the machine; there is no way out."""
    ip("-n", NAMESPACE, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
    ip("-n", NAMESPACE, "addr", "add", f"{CONTROLLER}/24", "dev", "br0")
    ip("-n", NAMESPACE, "link", "set", "br0", "up")
    ip("-n", NAMESPACE, "tuntap", "add", "tap0", "mode", "tap")
    ip("-n", NAMESPACE, "link", "set", "tap0", "master", "br0", "up")


def install(image: Path, disk: Path, metadata_url: str) -> None:
    """Write the image to a disk that is larger than it, and tell cloud-init where its data are, as the agent does."""
    subprocess.run(["zstd", "--decompress", "--quiet", "--force", "--sparse", image, "-o", disk], check=True)
    os.truncate(disk, DISK_BYTES)
    table = json.loads(subprocess.run(["sfdisk", "--json", disk], check=True, capture_output=True).stdout)
    offset = table["partitiontable"]["partitions"][-1]["start"] * table["partitiontable"]["sectorsize"]
    seed = disk.with_suffix(".cfg")
    seed.write_text(json.dumps({"datasource_list": ["NoCloud"], "datasource": {"NoCloud": {"seedfrom": metadata_url}}}))
    request = f"write {seed} /etc/cloud/cloud.cfg.d/90-fibrix.cfg"
    subprocess.run(["debugfs", "-w", "-R", request, f"{disk}?offset={offset}"], check=True, capture_output=True)


@dataclass(frozen=True, slots=True)
class Installed:
    """The machine while it runs."""

    key: Path  # the private key that opens it
    serial: Path  # what it wrote to its serial port

    async def ssh(self, command: str) -> str:
        """Run a command as the default user; give its output. Fails when the command does."""
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=10")
        process = await asyncio.create_subprocess_exec(
            *_inside("ssh", "-i", self.key, *(f"-o{option}" for option in options), f"debian@{MACHINE}", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, f"{command}: {err.decode()}"
        return out.decode()


@asynccontextmanager
async def running(disk: Path, key: Path, firmware: str, memory_mb: int) -> AsyncIterator[Installed]:
    """Power it on, with a DHCP server beside it, and off at the end of the block."""
    serial = disk.with_suffix(f".{firmware}.log")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_program(*_dnsmasq()))
        await stack.enter_async_context(_program(*_qemu(disk, serial, firmware, memory_mb)))
        yield Installed(key, serial)


@asynccontextmanager
async def _program(*argv: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _inside(*argv: str | Path) -> list[str]:
    return ["ip", "netns", "exec", NAMESPACE, *map(str, argv)]


def _dnsmasq() -> list[str]:
    return _inside(
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=br0", "--bind-interfaces",
        "--leasefile-ro", "--no-ping", f"--dhcp-range={MACHINE},{MACHINE},10m",
    )  # fmt: skip


def _qemu(disk: Path, serial: Path, firmware: str, memory_mb: int) -> list[str]:
    argv = _inside(
        "nice", "qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", str(memory_mb),
        "-display", "none", "-monitor", "none", "-serial", f"file:{serial}",
        "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no",
        "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:79:00:01,romfile=",
        "-drive", f"file={disk},if=virtio,format=raw,cache=unsafe",
    )  # fmt: skip
    if firmware == "uefi":
        variables = disk.with_suffix(".vars")  # empty: nothing but the removable path leads to the boot loader
        variables.write_bytes((_OVMF / "OVMF_VARS_4M.fd").read_bytes())
        code = f"if=pflash,format=raw,readonly=on,file={_OVMF / 'OVMF_CODE_4M.fd'}"
        argv += ["-drive", code, "-drive", f"if=pflash,format=raw,file={variables}"]
    return argv
