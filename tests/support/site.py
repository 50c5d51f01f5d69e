"""The real API over loopback, on a real store and the real controllers; only what is outside a region is played."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from fibrix.api.limits import LIMITS, Limits
from fibrix.api.service import ApiPorts, ApiService
from fibrix.app.api import build_api_ports
from fibrix.config import ApiConfig
from fibrix.domain.access import REGION, Role
from fibrix.domain.account import ApiKey, Tenant, User
from fibrix.domain.machine import Disk, Hardware, Machine, RunStatus, ScriptRun
from fibrix.domain.ports.keys import SshKey
from fibrix.domain.state import State
from fibrix.events.base import Event
from fibrix.store.db import Database
from fibrix.store.region import RegionUnit
from fibrix.types import ApiKeyId, MachineId, RunId, TenantId, UserId, parse_mac
from tests.controllers.rig import Clock, Rig, rig
from tests.fakes.health import FakeHealth
from tests.fakes.power import FakePower
from tests.fakes.scanner import FakeScanner
from tests.support.api import free_port, serving

ACME: Final = TenantId("t000000001")
GLOBEX: Final = TenantId("t000000002")
PEOPLE: Final[Mapping[str, tuple[Role, TenantId]]] = {
    "admin": (Role.ADMIN, REGION),
    "operator": (Role.OPERATOR, REGION),
    "auditor": (Role.AUDITOR, REGION),
    "acme": (Role.TENANT, ACME),
    "globex": (Role.TENANT, GLOBEX),
}
"""A user of each role, and one of each of two tenants, by name."""


def key_of(who: str) -> str:
    """The API key of one of PEOPLE."""
    return f"fibrix_key-of-{who}"


@dataclass
class Site:
    """A region with its API, and everything behind it."""

    state_dir: Path
    rig: Rig
    ports: ApiPorts
    health: FakeHealth
    port: int
    made: int = field(default=0)

    @property
    def url(self) -> str:
        """Where it is by TCP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def unix_url(self) -> str:
        """Where it is by its unix socket, for Fibrix's own client."""
        return f"unix:{self.state_dir / 'api.sock'}"

    def client(self, who: str = "admin") -> aiohttp.ClientSession:
        """A client that has the key of one of PEOPLE; for "nobody", none."""
        headers = {} if who == "nobody" else {"Authorization": f"Bearer {key_of(who)}"}
        return aiohttp.ClientSession(self.url, headers=headers)

    def service(self, limits: Limits = LIMITS) -> ApiService:
        """Make the service that serves it."""
        config = ApiConfig(listen=IPv4Address("127.0.0.1"), port=self.port)
        return ApiService(config, self.state_dir, self.ports, limits)

    async def put(self, name: str, state: State = State.READY, **fields: Any) -> Machine:
        """Have a machine, the next younger one, with an inventory."""
        self.made += 1
        plain = Machine(
            id=MachineId(f"m{self.made:09}"),
            name=name,
            state=state,
            since=self.rig.clock(),
            reason="put there by a test",
            accepted=True,
            macs=(parse_mac(f"52540000{self.made:04x}"),),
            hardware=Hardware(cpu_count=2, memory_bytes=4 << 30, disks=(Disk(name="sda", size_bytes=80 * 10**9),)),
            created_at=self.rig.clock() + timedelta(minutes=self.made),
        )
        machine = msgspec.structs.replace(plain, **fields)
        await self.rig.region.change(lambda unit: unit.insert(machine))
        self.rig.core.snapshots.refresh()
        return machine

    async def deployable(self, name: str, state: State = State.READY, **fields: Any) -> Machine:
        """Have a machine with a disk, and its tenant an SSH key: all that the image `debian-12` takes."""
        tenant = fields.get("tenant", REGION)
        if not self.rig.ssh_keys.of(tenant):
            key = SshKey(name="me", key="ssh-ed25519 AAAA me", fingerprint="SHA256:x", tenant=tenant)
            await self.rig.ssh_keys.add(key)
        disks = (Disk(name="sda", size_bytes=80 * 10**9), Disk(name="sdb", size_bytes=20 * 10**9))
        hardware = Hardware(cpu_count=2, memory_bytes=4 << 30, disks=disks)
        return await self.put(name, state, **{"hardware": hardware} | fields)

    async def change(self, machine: MachineId, **fields: Any) -> Machine:
        """Replace fields of a machine, as a controller does."""

        def work(unit: RegionUnit) -> None:
            unit.update(msgspec.structs.replace(unit.machine(machine), **fields))

        await self.rig.region.change(work)
        return self.rig.region.machine(machine)

    async def say(self, *events: Event) -> None:
        """Put events into the journal."""

        def work(unit: RegionUnit) -> None:
            for event in events:
                unit.append(event)

        await self.rig.region.change(work)

    async def put_run(self, machine: MachineId, output: bytes, **fields: Any) -> ScriptRun:
        """Have a script run that passed."""
        self.made += 1
        run = ScriptRun(
            id=RunId(f"r{self.made:09}"),
            machine=machine,
            script="inventory",
            state=State.COMMISSIONING,
            position=1,
            status=RunStatus.PASSED,
            exit_status=0,
            **fields,
        )

        def work(unit: RegionUnit) -> None:
            unit.insert_run(run)
            unit.append_output(run.id, 0, output)

        await self.rig.region.change(work)
        return run


@asynccontextmanager
async def site(state_dir: Path) -> AsyncIterator[Site]:
    """Open a region with PEOPLE in it; nothing is served yet."""
    power = FakePower()
    async with rig(state_dir, Clock(), power) as opened, Database(state_dir / "rack.db", "rack"):
        if not opened.region.of(User).all():  # on a restart they are there
            await opened.region.change(lambda unit: _settle(unit, opened.clock))
        opened.core.scans.scanner = FakeScanner(opened.shared.bus)
        health = FakeHealth()
        ports = build_api_ports(opened.shared, opened.region, opened.core, opened.machines, opened.images, health)
        yield Site(state_dir=state_dir, rig=opened, ports=ports, health=health, port=free_port())


@asynccontextmanager
async def served(state_dir: Path, limits: Limits = LIMITS) -> AsyncIterator[Site]:
    """The same, served for as long as the block runs."""
    async with site(state_dir) as opened, serving(opened.service(limits)):
        yield opened


def _settle(unit: RegionUnit, clock: Clock) -> None:
    """Let PEOPLE in."""
    for tenant, name in ((ACME, "acme"), (GLOBEX, "globex")):
        unit.of(Tenant).insert(Tenant(id=tenant, name=name, created_at=clock()))
    for number, (name, (role, tenant)) in enumerate(PEOPLE.items(), 1):
        user = UserId(f"u{number:09}")
        unit.of(User).insert(User(id=user, name=name, role=role, tenant=tenant, created_at=clock()))
        sha256 = hashlib.sha256(key_of(name).encode()).hexdigest()
        key = ApiKeyId(f"k{number:09}")
        unit.of(ApiKey).insert(ApiKey(id=key, user=user, name="tests", sha256=sha256, created_at=clock()))
