"""The Debian image boots, by BIOS and by UEFI, hears from the real metadata service who it is, and reports."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from fibrix.api.machine_facing import MachineFacingService
from fibrix.domain.machine import Deployment
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from tests.fakes.agents import METADATA_SECRET, FakeAgents, FakeMetadata
from tests.support.installed import (
    CONTROLLER,
    DISK_BYTES,
    NAMESPACE,
    PORT,
    SUBNET,
    Installed,
    image_file,
    install,
    lay_network,
    running,
)
from tests.support.netns import entered, namespace, needs_root

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1500),  # with the building of the image
    pytest.mark.skipif(os.geteuid() != 0, reason=needs_root),
]

USER_DATA = """\
#cloud-config
hostname: not-this-one
write_files: [{path: /etc/tenant, content: "für mich\\n"}]
runcmd: [[sh, -c, "hostname > /etc/ran"]]
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture
async def metadata(key: Path) -> AsyncIterator[FakeMetadata]:
    """The region behind a real machine-facing service, in a namespace with the machine."""
    public = key.with_suffix(".pub").read_text().strip()
    deployment = Deployment(
        image="debian-12", sha256="0" * 64, hostname="web-1", instance="i1", ssh_keys=(public,), user_data=USER_DATA
    )
    region = FakeMetadata(deployment)
    service = MachineFacingService(FakeAgents(), region, Cell(RackSnapshot(subnets=(SUBNET,))), port=PORT)
    with namespace(NAMESPACE):
        lay_network()
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            with entered(NAMESPACE):
                task = group.create_task(service.run(ready))
                await ready.wait()
            yield region
            task.cancel()


@pytest.mark.parametrize(("firmware", "memory_mb"), [("bios", 512), ("uefi", 1024)])
async def test_an_installed_machine_becomes_what_its_deployment_says(
    firmware: str, memory_mb: int, metadata: FakeMetadata, key: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk.raw"
    install(await image_file(), disk, f"http://{CONTROLLER}:{PORT}/metadata/v1/{METADATA_SECRET}/")
    async with running(disk, key, firmware, memory_mb) as machine:
        await reported(metadata, machine)
        assert [hostname for hostname, _ in metadata.reports] == ["web-1"]
        assert metadata.reports[0][1]["instance_id"] == "m0123456789-i1"
        assert (await machine.ssh("hostname; cat /etc/tenant /etc/ran")).split("\n")[:3] == [
            "web-1",
            "für mich",
            "web-1",
        ]
        assert int(await machine.ssh("df --output=size --block-size=1 / | tail -1")) > DISK_BYTES * 0.9
        assert await machine.ssh("test -d /sys/firmware/efi && echo uefi || echo bios") == f"{firmware}\n"
        assert await machine.ssh("systemctl --failed --quiet; sudo passwd --status root | cut -d' ' -f2") == "L\n"
        assert "web-1 login:" in machine.serial.read_text(errors="replace")


async def test_an_installed_machine_that_restarts_without_its_controller_keeps_its_identity(
    metadata: FakeMetadata, key: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk.raw"
    install(await image_file(), disk, f"http://{CONTROLLER}:{PORT}/metadata/v1/{METADATA_SECRET}/")
    facts = "cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub .ssh/authorized_keys; hostname"
    async with running(disk, key, "bios", 1024) as machine:
        await reported(metadata, machine)
        before = await machine.ssh(f"{facts}; sync")
    metadata.secret = "of another deployment"
    metadata.deployment = msgspec.structs.replace(metadata.deployment, instance="i2")
    async with running(disk, key, "bios", 1024) as machine:
        assert await answering(machine, facts) == before
    assert len(metadata.reports) == 1


async def reported(metadata: FakeMetadata, machine: Installed) -> None:
    """Wait for cloud-init's report; what the machine said on its serial port tells why there is none."""
    try:
        async with asyncio.timeout(600):
            await metadata.reported.wait()
    except TimeoutError:
        pytest.fail(f"no report; its serial port ends with:\n{machine.serial.read_text(errors='replace')[-3000:]}")


async def answering(machine: Installed, command: str) -> str:
    """The output of a command once the machine lets us in."""
    async with asyncio.timeout(600):
        while True:
            try:
                return await machine.ssh(command)
            except AssertionError:
                await asyncio.sleep(5)
