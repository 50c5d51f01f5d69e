"""The ephemeral OS on machines of QEMU: it boots in 512 MB, its scripts do what they say, controllers may restart."""

import asyncio
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fibrix.domain.machine import Hardware
from fibrix.ephemeral.catalog import BUILTIN_DIR, load
from tests.support.built import BOOT_DIR, ephemeral_os
from tests.support.controller import Controller, Run
from tests.support.netns import entered, ip, namespace

TOOLS = ("qemu-system-x86_64", "mmdebstrap", "dnsmasq", "ip", "sfdisk", "mke2fs", "debugfs", "zstd")
DISK_BYTES = 160 << 20
OCTAL = "".join(f"\\{octet:03o}" for octet in range(256))
MAC = "52:54:00:79:00:01"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.geteuid() != 0 or platform.machine() != "x86_64" or not all(shutil.which(tool) for tool in TOOLS),
        reason=f"needs root on x86-64 and {', '.join(TOOLS)}",
    ),
]


async def built() -> Path:
    return BOOT_DIR / "ephemeral" / (await ephemeral_os()).id


@asynccontextmanager
async def machine(
    ns: str, folder: Path, url: str, *devices: str, memory_mb: int = 512
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A machine on tap0, booted from the ephemeral OS; its console is in `folder`/console."""
    boot = await built()
    append = (
        f"console=ttyS0,115200 panic=-1 fibrix.url={url} fibrix.token=a-boot-token BOOTIF=01-{MAC.replace(':', '-')}"
    )
    argv = ["qemu-system-x86_64", "-machine", "q35,accel=tcg,graphics=off", "-cpu", "max", "-m", str(memory_mb)]
    argv += ["-display", "none", "-monitor", "none", "-no-reboot", "-serial", f"file:{folder}/console"]
    argv += ["-kernel", f"{boot}/vmlinuz", "-initrd", f"{boot}/initrd", "-append", append]
    argv += ["-uuid", "00000000-0000-4000-8000-000000007901"]
    argv += ["-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", *devices]
    dhcp = ["dnsmasq", "-d", "-C", "/dev/null", "--port=0", "--interface=br0", "--bind-interfaces", "--leasefile-ro"]
    dhcp += ["--dhcp-range=10.79.0.100,10.79.0.150", "--no-ping", "--user=root", "-q"]
    server = await spawn(ns, *dhcp)
    process = await spawn(ns, *argv)
    try:
        yield process
    finally:
        for child in (process, server):
            if child.returncode is None:
                child.kill()
            await child.wait()


async def spawn(ns: str, *argv: str) -> asyncio.subprocess.Process:
    """A program in the namespace, without a word."""
    null = subprocess.DEVNULL
    command = ["ip", "netns", "exec", ns, *argv]
    return await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=null)


@contextmanager
def rack(name: str) -> Iterator[str]:
    """A namespace with a bridge that has the controller's address, and tap0 for a machine."""
    with namespace(name) as ns:
        ip("-n", ns, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        ip("-n", ns, "addr", "add", "10.79.0.1/24", "dev", "br0")
        ip("-n", ns, "link", "set", "br0", "up")
        ip("-n", ns, "tuntap", "add", "tap0", "mode", "tap")
        ip("-n", ns, "link", "set", "tap0", "master", "br0", "up")
        yield ns


def listener(ns: str) -> socket.socket:
    with entered(ns):
        return socket.create_server(("10.79.0.1", 5249))


def order(controller: Controller, name: str, **parameters: str) -> Run:
    """Order one of Fibrix's own scripts, as the region would."""
    script = load([BUILTIN_DIR]).get(name)
    filled = load([BUILTIN_DIR]).parameters(name, parameters)
    return controller.order(script.text, filled, name=name, timeout_s=400)


def make_image(folder: Path) -> tuple[Path, Path]:
    """A disk image as a builder makes it: GPT, one ext4 with cloud-init's folder, and holes; raw and compressed."""
    tree, raw = folder / "tree", folder / "image.raw"
    (tree / "etc/cloud").mkdir(parents=True)
    (tree / "payload").write_bytes(os.urandom(20 << 20))
    subprocess.run(["truncate", "-s", "96M", raw], check=True)
    subprocess.run(["sfdisk", "-q", raw], input=b"label: gpt\nstart=2048, size=192512\n", check=True)
    mke2fs = ["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(tree), "-E", "offset=1048576", str(raw), "94M"]
    subprocess.run(mke2fs, check=True, capture_output=True)
    subprocess.run(["zstd", "-q", raw], check=True)
    return raw, raw.with_suffix(".raw.zst")


def read_installed(disk: Path, name: str, folder: Path) -> bytes:
    """A file of the disk's first partition."""
    part = folder / "part"
    with disk.open("rb") as source, part.open("wb") as target:
        source.seek(1 << 20)
        shutil.copyfileobj(source, target, 94 << 20)
    return subprocess.run(["debugfs", "-R", f"cat {name}", part], capture_output=True, check=True).stdout


def used_disk(folder: Path) -> tuple[Path, list[str]]:
    """A disk full of old data, as the holes of an image must not show it; and QEMU's words for it."""
    disk = folder / "disk"
    disk.write_bytes(b"\xaa" * DISK_BYTES)
    drive = f"file={disk},if=none,id=d0,format=raw,cache=unsafe,discard=unmap"
    return disk, ["-drive", drive, "-device", "virtio-blk-pci,drive=d0,serial=FX-1"]


async def test_a_512_mb_machine_runs_tests_and_kills_what_hangs(tmp_path: Path) -> None:
    _, disk_device = used_disk(tmp_path)
    controller = Controller(heartbeat_s=2)
    inventory = order(controller, "inventory")
    memory = order(controller, "memory-test", limit_mb="1")
    smart = order(controller, "disk-smart")
    reading = order(controller, "disk-read", samples="5", block_kib="256")
    writing = order(controller, "disk-write", samples="3", block_kib="64")
    hanging = controller.order("#!/bin/sh\nsetsid sleep 1000 &\nsleep 1000\n", timeout_s=3)
    left = controller.order("#!/bin/sh\nfor p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done\n")
    blob = controller.order(f"#!/bin/sh\ni=0; while [ $i -lt 300 ]; do printf '{OCTAL}'; i=$((i+1)); done\n")
    controller.end("power-off")
    with rack("fxe-main") as ns:
        devices = ["-device", f"virtio-net-pci,netdev=n0,mac={MAC}", *disk_device]
        async with controller.serving(listener(ns)), machine(ns, tmp_path, controller.url, *devices) as process:
            await process.wait()

    (disk,) = values(inventory)["disks"]
    assert (disk["name"], disk["size_bytes"], disk["serial"], disk["smart"]) == ("vda", DISK_BYTES, "FX-1", "")
    assert msgspec.convert(values(inventory), Hardware).interfaces[0].mac == MAC
    assert values(inventory)["uuid"] == "00000000-0000-4000-8000-000000007901"
    assert values(memory)["tested_bytes"] == 1 << 20
    assert values(smart)["disks"]["vda"]["smart"] == "none"
    assert values(reading)["disks"]["vda"]["median_mb_s"] > 0
    assert values(writing)["disks"]["vda"] == {"samples": 3, "faults": 0}
    assert hanging.result is not None
    assert hanging.result["timed_out"]
    assert "sleep 1000" not in left.text_output  # not even the one that had left its session
    assert bytes(blob.output) == bytes(range(256)) * 300


async def test_an_image_is_written_whole_or_not_at_all_and_a_controller_may_restart_meanwhile(tmp_path: Path) -> None:
    raw, packed = make_image(tmp_path)
    digest = sha256(packed.read_bytes()).hexdigest()
    disk, disk_device = used_disk(tmp_path)
    controller = Controller(heartbeat_s=2)
    controller.files["image"] = packed
    image = {"image_url": "http://10.79.0.1:5249/files/image", "size_bytes": str(raw.stat().st_size)}
    image["metadata_url"] = "http://10.79.0.1:5249/metadata/v1/secret/"
    too_large = order(controller, "write-image", **{**image, "sha256": digest, "size_bytes": str(1 << 40)})
    wrong = order(controller, "write-image", **{**image, "sha256": "0" * 64})
    with rack("fxe-image") as ns:
        devices = ["-device", f"virtio-net-pci,netdev=n0,mac={MAC}", *disk_device]
        async with machine(ns, tmp_path, "http://10.79.0.1:5249/agent/v1/", *devices) as process:
            async with controller.serving(listener(ns)):
                await wrong.ended.wait()
                after_wrong = disk.read_bytes()
                controller.file_asked.clear()
                good = order(controller, "write-image", **{**image, "sha256": digest})
                await first_of(controller.file_asked, good.ended)
            await asyncio.sleep(8)
            async with controller.serving(listener(ns)):
                await good.ended.wait()
                written = disk.read_bytes()
                seed = read_installed(disk, "/etc/cloud/cloud.cfg.d/90-fibrix.cfg", tmp_path).decode()
                payload = read_installed(disk, "/payload", tmp_path)
                wiped = order(controller, "disk-wipe-quick", size_mb="2")
                controller.end("power-off")
                await process.wait()

    assert reason(too_large) == f"no disk is large enough: the largest has {DISK_BYTES} bytes, the image {1 << 40}"
    assert f"its SHA-256 is {digest}, expected {'0' * 64}" in reason(wrong)
    assert after_wrong[: 1 << 20] == bytes(1 << 20)  # nothing that boots
    assert values(good)["disk"] == "vda"
    assert "trying again" in good.text_output  # the controller was away in mid-download
    assert 'seedfrom: "http://10.79.0.1:5249/metadata/v1/secret/"' in seed
    assert payload == (tmp_path / "tree/payload").read_bytes()
    assert b"\xaa" * 512 not in written[: raw.stat().st_size]
    assert written[-512:-504] == b"EFI PART"  # the second partition table is at the end of the larger disk
    assert values(wiped) == {"wiped": ["vda"]}
    assert disk.read_bytes()[: 2 << 20] == bytes(2 << 20)


async def test_a_machine_without_a_disk_and_with_another_network_card_tells_its_neighbour(tmp_path: Path) -> None:
    controller = Controller(heartbeat_s=2)
    with rack("fxe-bare") as ns:
        inventory = order(controller, "inventory", lldp_s="300")
        smart, reading = order(controller, "disk-smart"), order(controller, "disk-read")
        image = {"image_url": "files/image", "sha256": "0" * 64, "size_bytes": "1"}
        writing = order(controller, "write-image", **image)
        controller.end("reboot")
        async with (
            controller.serving(listener(ns)),
            machine(ns, tmp_path, controller.url, "-device", f"e1000,netdev=n0,mac={MAC}") as process,
            asyncio.TaskGroup() as group,
        ):
            switch = group.create_task(speak_lldp(ns), name="switch")
            await process.wait()
            switch.cancel()
    (interface,) = values(inventory)["interfaces"]
    assert (interface["mac"], interface["driver"], interface["link"]) == (MAC, "e1000", True)
    assert interface["speed_mbps"] == 1000
    assert interface["neighbour"] == "switch-7 ge-0/0/12"
    assert values(inventory)["disks"] == []
    assert "no fixed disk" in smart.text_output
    assert "no fixed disk" in reading.text_output
    assert reason(writing) == "this machine has no fixed disk"


async def first_of(*happenings: asyncio.Event) -> None:
    """Wait until one of them has come to pass."""
    waits = [asyncio.ensure_future(happening.wait()) for happening in happenings]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def speak_lldp(ns: str) -> None:
    """What a switch says every while (IEEE 802.1AB §8): chassis, port by interface name, time to live, system name."""
    port, name = b"\5ge-0/0/12", b"switch-7"
    body = (
        b"\2\7\4\2\0\0\0\0\1" + bytes([4, len(port)]) + port + b"\6\2\0\x78" + bytes([10, len(name)]) + name + b"\0\0"
    )
    with entered(ns):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with wire:
        wire.bind(("tap0", 0))
        while True:
            wire.send(bytes.fromhex("0180c200000e020000000001 88cc") + body)
            await asyncio.sleep(1)


def values(run: Run) -> dict[str, Any]:
    assert run.result is not None
    assert run.result["exit_status"] == 0, run.text_output
    found: dict[str, Any] = run.result["values"]
    return found


def reason(run: Run) -> str:
    assert run.result is not None
    assert run.result["exit_status"] != 0
    return str(run.result["reason"])
