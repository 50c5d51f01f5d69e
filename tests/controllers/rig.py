"""A controller's deciding half on a real store, with a clock to set and power supplies in memory."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from types import MappingProxyType

import msgspec

from fibrix.app.core import Core, build_core
from fibrix.app.rack import Rack
from fibrix.app.region import build_agents, build_boots, build_machines
from fibrix.app.shared import Shared
from fibrix.bus import Bus
from fibrix.config import Config, InterfaceConfig, RangeConfig, SubnetConfig
from fibrix.controllers.agents import AgentController
from fibrix.controllers.boot import BootController
from fibrix.controllers.heard import Heard
from fibrix.controllers.images import ImageController
from fibrix.controllers.machines import MachineController
from fibrix.controllers.metadata import MetadataController
from fibrix.controllers.settle import Settler
from fibrix.controllers.ssh_keys import SshKeyController
from fibrix.domain.access import Caller, Role, permissions
from fibrix.domain.ports.agents import Hello, RunResult
from fibrix.domain.power import PowerState
from fibrix.domain.rack import BootAction, RackSnapshot
from fibrix.drivers.power.manual import ManualDriver
from fibrix.ephemeral.build import Built
from fibrix.events.rack import BootAsked, DiscoverSeen, LeaseGranted
from fibrix.runtime.cell import Cell
from fibrix.store.images import Images
from fibrix.store.region import Region, open_region
from fibrix.types import MachineId, parse_mac
from tests.fakes.power import FakePower

OPERATOR = Caller(role=Role.OPERATOR, may=permissions(Role.OPERATOR))
MAC = parse_mac("52:54:00:00:00:01")
INVENTORY = {
    "cpu_model": "Xeon 3040",
    "cpu_count": 2,
    "memory_bytes": 2**31,
    "serial": "SN1",
    "firmware": "bios",
    "interfaces": [{"mac": "52:54:00:00:00:01", "name": "eth0"}, {"mac": "52:54:00:00:00:02", "name": "eth1"}],
    "disks": [{"name": "sda", "size_bytes": 80 * 10**9}],
}


@dataclass
class Clock:
    """A clock that stands still until it is moved on."""

    at: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def values(given: Mapping[str, object]) -> dict[str, msgspec.Raw]:
    """Named values as an agent sends them."""
    return {k: msgspec.Raw(json.dumps(v).encode()) for k, v in given.items()}


@dataclass
class Rig:
    """All controllers, by name, and what a machine does as far as they can see it."""

    config: Config
    clock: Clock
    power: FakePower
    region: Region
    snapshot: Cell[RackSnapshot]
    heard: Heard
    machines: MachineController
    agents: AgentController
    metadata: MetadataController
    boots: BootController
    ssh_keys: SshKeyController
    shared: Shared
    core: Core
    images: ImageController

    async def tick(self, machine: MachineId, times: int = 1) -> None:
        """Let the boot controller look at a machine, as it does once a second."""
        for _ in range(times):
            await self.boots.carry_on(self.region.machine(machine))
            self.clock.pass_(1)

    async def discovered(self) -> MachineId:
        """A machine that nobody knows asks iPXE's question."""
        await self.boots.take(self.asked(known=False, action=BootAction.WAIT))
        found = self.region.by_mac(MAC)
        assert found is not None
        self.power.states[found.id] = PowerState.ON  # it speaks, so it is on
        return found.id

    def asked(self, *, known: bool = True, action: BootAction = BootAction.EPHEMERAL) -> BootAsked:
        return BootAsked(
            at=self.clock(),
            mac=MAC,
            address=IPv4Address("192.168.1.100"),
            subnet="racks",
            action=action,
            known=known,
            uefi=False,
            uuid="4c4c4544-0037-3010-8054-b7c04f4a354a",
            manufacturer="Dell",
            product="PowerEdge 860",
        )

    async def boot_from_network(self) -> str:
        """A machine that was switched on asks for an address and for what to boot; gives the token it was told."""
        now = self.clock()
        await self.boots.take(DiscoverSeen(at=now, mac=MAC, interface="racks", network_boot=True))
        address = IPv4Address("192.168.1.100")
        await self.boots.take(LeaseGranted(at=now, mac=MAC, address=address, subnet="racks", lease_s=600))
        entry = self.snapshot.value.boot[MAC]
        await self.boots.take(self.asked(action=entry.action))
        return entry.token

    async def hello(self, token: str, secret: str = "5" * 64) -> str:
        """Its agent says hello; gives the session's secret."""
        await self.agents.hello(token, Hello(mac=MAC, secret=secret, version="1"), address="192.168.1.100")
        return secret

    async def finish(
        self, secret: str, found: Mapping[str, object] = MappingProxyType({}), *, exit_status: int = 0
    ) -> str:
        """Its agent takes its order and reports a result; gives the name of the script."""
        order = await self.agents.order(secret)
        assert order.kind == "run"
        result = RunResult(exit_status=exit_status, values=values(found), reason="" if exit_status == 0 else "bad RAM")
        await self.agents.result(secret, order.run, result)
        return order.script

    async def types(self) -> list[str]:
        """The types of all events so far."""
        return [entry.type for entry in await self.region.journal.since(0)]


def config_of(state_dir: Path) -> Config:
    """A rack of one subnet, and an ephemeral OS that only has to have a name."""
    built = state_dir / "boot" / "ephemeral" / "abc"
    built.mkdir(parents=True, exist_ok=True)
    manifest = Built(id="abc", inputs="", kernel="6.1", packages=(), vmlinuz_bytes=1, initrd_bytes=1, unpacked_bytes=1)
    (built / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    for file in ("vmlinuz", "initrd"):
        (built / file).write_bytes(b"x")
    current = built.parent / "current"
    if not current.is_symlink():
        current.symlink_to("abc")
    image = state_dir / "images" / "debian-12"
    image.mkdir(parents=True, exist_ok=True)
    (image / "disk.raw.zst").write_bytes(b"image")
    described: dict[str, object] = {
        "name": "debian-12",
        "title": "Debian 12",
        "file": "disk.raw.zst",
        "sha256": hashlib.sha256(b"image").hexdigest(),
        "compressed_bytes": 5,
        "size_bytes": 10**9,
        "os": {"id": "debian", "version": "12"},
        "built_at": "2026-03-01T00:00:00Z",
    }
    (image / "manifest.json").write_text(json.dumps(described))
    subnet = SubnetConfig(
        name="racks",
        interface="eth1",
        address=IPv4Interface("192.168.1.1/24"),
        ranges=(RangeConfig(first=IPv4Address("192.168.1.100"), last=IPv4Address("192.168.1.180")),),
    )
    return Config(state_dir=state_dir, interfaces=(InterfaceConfig(name="eth1", role="rack"),), subnets=(subnet,))


@asynccontextmanager
async def rig(state_dir: Path, clock: Clock, power: FakePower) -> AsyncIterator[Rig]:
    """Start the deciding half on a state directory; leaving the block is a stop."""
    config, bus = config_of(state_dir), Bus()
    async with open_region(state_dir, bus) as region:
        shared = Shared(config=config, bus=bus, snapshot=Cell(RackSnapshot()), heard=Heard(clock), now=clock)
        core = build_core(shared, region)
        core.snapshots.refresh()
        rack = Rack(services=(), power=power, manual=ManualDriver(bus, clock=clock))
        settler = Settler(region, core.lifecycle, clock)
        images = ImageController(Images(config.images_dir), region)
        yield Rig(
            config=config,
            clock=clock,
            power=power,
            region=region,
            snapshot=shared.snapshot,
            heard=shared.heard,
            machines=build_machines(shared, region, core, rack, images),
            agents=build_agents(shared, region, core, settler),
            metadata=MetadataController(region, core.lifecycle, settler, region.secrets.key, clock),
            boots=build_boots(shared, region, core, rack, settler),
            ssh_keys=SshKeyController(region, region.ssh_keys.all, clock),
            shared=shared,
            core=core,
            images=images,
        )
