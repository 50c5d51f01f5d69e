"""Builds all objects and connects them: the only file that knows the peers of each floor. No container, no globals."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from fibrix import __version__, log
from fibrix.api.machine_facing.service import MachineFacingService
from fibrix.api.service import ApiPorts, ApiService
from fibrix.bus import Bus
from fibrix.config import Config, load, subnets
from fibrix.controllers.agents import AgentController
from fibrix.controllers.boot import BootController
from fibrix.controllers.deploy import Deployer
from fibrix.controllers.discovery import Discovery
from fibrix.controllers.drive import Drive
from fibrix.controllers.heard import Heard
from fibrix.controllers.images import ImageController
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.machines import MachineController
from fibrix.controllers.metadata import MetadataController
from fibrix.controllers.orders import Orders
from fibrix.controllers.plan import Planner
from fibrix.controllers.power import PowerController
from fibrix.controllers.powering import Powering
from fibrix.controllers.rack import RackSnapshots
from fibrix.controllers.reservations import NetworkController
from fibrix.controllers.sessions import Sessions
from fibrix.controllers.settle import Settler
from fibrix.controllers.sightings import Sightings
from fibrix.controllers.ssh_keys import SshKeyController
from fibrix.controllers.why import Reasons
from fibrix.domain.ports.power import Power
from fibrix.domain.power import PowerKind, PowerState
from fibrix.domain.progress import Limits
from fibrix.domain.rack import RackSnapshot
from fibrix.drivers.power.ipmi.driver import IpmiDriver
from fibrix.drivers.power.manual import ManualDriver
from fibrix.drivers.power.wol import WolDriver
from fibrix.ephemeral import catalog
from fibrix.ephemeral.build import latest
from fibrix.errors import NotFoundError
from fibrix.events.controller import ControllerStarted
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.runtime.files import BootFiles
from fibrix.runtime.notify import Notifier, Watchdog
from fibrix.runtime.service import Service
from fibrix.runtime.supervisor import Health, Supervisor
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.services.httpboot.service import HttpBootService, HttpBootSettings
from fibrix.services.power.service import PowerService
from fibrix.services.tftp.service import TftpService, TftpSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.store.images import Images
from fibrix.store.region import Region, open_region

ADMIN_KEY: Final = "admin.key"
"""File below the state directory that holds the API key made at the first start; only root can read it."""

draw = secrets.randbelow
logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """The rack's side: services that serve from the snapshot, and nothing else."""

    services: tuple[Service, ...]
    power: Power
    manual: ManualDriver


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What region and rack have in common: the bus, the snapshot, and the configuration that each takes its part of."""

    config: Config
    bus: Bus
    snapshot: Cell[RackSnapshot]
    heard: Heard
    now: Callable[[], datetime] = utc_now


def newest_ephemeral(boot_dir: Path) -> str:
    """Name the ephemeral OS to boot; empty while none was built."""
    try:
        return latest(boot_dir)
    except NotFoundError:
        return ""


def build_rack(shared: Shared, bindings: Bindings) -> Rack:
    """Make the rack-side services."""
    config, bus, snapshot = shared.config, shared.bus, shared.snapshot
    boot_files = BootFiles(
        (config.state_dir / config.boot.own_ipxe_dir, config.boot_dir), packaged=(config.boot.ipxe_dir,)
    )
    ipmi, manual = IpmiDriver(config.power), ManualDriver(bus)
    wol = WolDriver(snapshot, shared.heard.last_seen)
    power = PowerService(
        snapshot, {PowerKind.IPMI: ipmi, PowerKind.WOL: wol, PowerKind.MANUAL: manual}, bus, config.power
    )
    dhcp = DhcpSettings(
        http_port=config.boot.http_port,
        server_port=config.dhcp.server_port,
        client_port=config.dhcp.client_port,
        offer_s=config.dhcp.offer_s,
        decline_s=config.dhcp.decline_s,
    )
    http = HttpBootSettings(port=config.boot.http_port)
    services = (
        DhcpService(snapshot, bindings, bus, dhcp),
        TftpService(snapshot, boot_files, bus, TftpSettings(port=config.boot.tftp_port)),
        HttpBootService(snapshot, boot_files, BootFiles((config.images_dir,)), bus, http),
        ipmi,
        power,
    )
    return Rack(services=services, power=power, manual=manual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The region's foundations, that its controllers share."""

    lifecycle: Lifecycle
    planner: Planner
    scripts: catalog.Catalog
    snapshots: RackSnapshots
    limits: Limits


def build_core(shared: Shared, region: Region) -> Core:
    """Make what all controllers stand on."""
    config = shared.config
    scripts = catalog.load((catalog.BUILTIN_DIR, config.state_dir / config.ephemeral.extra_scripts_dir))
    planner = Planner(scripts, config.scripts, draw)
    snapshots = RackSnapshots(
        region, region.secrets.key, shared.snapshot, config, subnets(config), lambda: newest_ephemeral(config.boot_dir)
    )
    lifecycle = Lifecycle(
        region,
        planner,
        config.lifecycle,
        lambda: newest_ephemeral(config.boot_dir),
        snapshots.refresh,
        shared.now,
        draw,
    )
    limits = Limits(
        power_s=config.lifecycle.power_s, boot_s=config.lifecycle.boot_s, heartbeat_s=config.lifecycle.heartbeat_s
    )
    return Core(lifecycle=lifecycle, planner=planner, scripts=scripts, snapshots=snapshots, limits=limits)


def build_boots(shared: Shared, region: Region, core: Core, rack: Rack, settler: Settler) -> BootController:
    """Make the service that watches over boots."""
    heard, lifecycle = shared.heard, core.lifecycle
    return BootController(
        bus=shared.bus,
        store=region,
        lifecycle=lifecycle,
        sightings=Sightings(region, lifecycle, heard, shared.now),
        discovery=Discovery(region, lifecycle, heard, core.snapshots.refresh, shared.now, draw),
        drive=Drive(region, lifecycle, rack.power, heard, shared.now),
        settler=settler,
        heard=heard,
        limits=core.limits,
        now=shared.now,
    )


def build_agents(shared: Shared, region: Region, core: Core, settler: Settler) -> AgentController:
    """Make the region's side of the agents' protocol."""
    config, keys = shared.config, region.secrets.key
    orders = Orders(
        store=region,
        lifecycle=core.lifecycle,
        scripts=core.scripts,
        keys=keys,
        subnets=subnets(config),
        http_port=config.boot.http_port,
        machines_port=config.machines.port,
        now=shared.now,
    )
    return AgentController(
        store=region,
        bus=shared.bus,
        sessions=Sessions(region, core.lifecycle, keys, shared.now),
        orders=orders,
        settler=settler,
        scripts=core.scripts,
        heard=shared.heard,
        heartbeat_s=config.lifecycle.heartbeat_s,
        now=shared.now,
    )


def build_machines(
    shared: Shared, region: Region, core: Core, rack: Rack, images: ImageController
) -> MachineController:
    """Make what the API commands machines by."""
    ssh_keys = SshKeyController(region, region.ssh_keys.all, shared.now)
    return MachineController(
        store=region,
        lifecycle=core.lifecycle,
        planner=core.planner,
        deployer=Deployer(core.lifecycle, images, ssh_keys, draw),
        powering=Powering(rack.power, rack.manual, core.lifecycle, shared.now),
        reasons=Reasons(region, shared.heard, core.limits),
        refresh=core.snapshots.refresh,
        now=shared.now,
        draw=draw,
    )


@dataclass(frozen=True, slots=True)
class HealthOf:
    """Tells the health of a supervisor that is made after those who ask for it."""

    keepers: list[Supervisor]

    def health(self) -> Sequence[Health]:
        """How each service fares."""
        return [health for keeper in self.keepers for health in keeper.health()]


def build_services(shared: Shared, region: Region, rack: Rack, notifier: Notifier) -> Supervisor:
    """Make the whole controller: listeners first, then those who speak, the API last."""
    config = shared.config
    core = build_core(shared, region)
    core.snapshots.refresh()
    settler = Settler(region, core.lifecycle, shared.now)
    images = ImageController(Images(config.images_dir), region)
    keepers: list[Supervisor] = []  # the API shows the health of the supervisor that it is itself kept by
    ports = ApiPorts(
        machines=build_machines(shared, region, core, rack, images),
        images=images,
        ssh_keys=SshKeyController(region, region.ssh_keys.all, shared.now),
        networks=NetworkController(subnets(config), region, lambda _: None, core.snapshots.refresh, shared.now),
        journal=region.journal,
        api_keys=region.api_keys,
        health=HealthOf(keepers),
    )
    agents = build_agents(shared, region, core, settler)
    metadata = MetadataController(region, core.lifecycle, settler, region.secrets.key, shared.now)
    services: Sequence[Service] = (
        PowerController(shared.bus, core.lifecycle, shared.now),
        build_boots(shared, region, core, rack, settler),
        *rack.services,
        MachineFacingService(agents, metadata, shared.snapshot, port=config.machines.port),
        ApiService(config.api, config.state_dir, ports),
        Watchdog(notifier),
    )
    keepers.append(Supervisor(services))
    for machine in region.machines():
        if machine.power.kind is PowerKind.MANUAL and machine.power_state is not PowerState.UNKNOWN:
            rack.manual.confirm(machine.id, machine.power_state)
    return keepers[0]


def read_or_make_key(path: Path) -> str:
    """Read the admin's API key from its file, or make both. It is in the file before it is good, so none gets lost."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"fibrix_{secrets.token_urlsafe(32)}\n")
    return path.read_text().strip()


async def make_admin_key(region: Region, path: Path) -> None:
    """See to it, at the first start, that there is an API key."""
    if region.api_keys.hashes():
        return
    key = read_or_make_key(path)
    await region.change(lambda unit: unit.insert_api_key("admin", key))
    logger.info("admin_key.made", file=str(path))


@asynccontextmanager
async def controller(config: Config, notifier: Notifier) -> AsyncIterator[Supervisor]:
    """Open the stores and build the controller on them; nothing serves yet. Raises StoreError."""
    config.state_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    bus = Bus()
    shared = Shared(config=config, bus=bus, snapshot=Cell(RackSnapshot()), heard=Heard(utc_now))
    async with open_region(config.state_dir, bus) as region, Database(config.state_dir / "rack.db", "rack") as rack_db:
        await make_admin_key(region, config.state_dir / ADMIN_KEY)
        rack = build_rack(shared, Bindings(rack_db))
        await region.change(lambda unit: unit.append(ControllerStarted(at=utc_now(), version=__version__)))
        yield build_services(shared, region, rack, notifier)


async def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises StoreError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notifier = Notifier.from_environ(os.environ)
    async with controller(config, notifier) as supervisor, asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(supervisor.run(ready), name="supervisor")
        await ready.wait()
        notifier.ready(f"Fibrix {__version__} serves")
        logger.info("controller.ready", version=__version__, state_dir=str(config.state_dir))
        await stop.wait()
        notifier.stopping()
        logger.info("controller.stopping")
        task.cancel()


def serve(config_path: Path) -> None:
    """Run the controller in the foreground. Raises ConfigError, StoreError."""
    config = load(config_path, dict(os.environ))
    log.setup(config.log.level, config.log.format)
    asyncio.run(run(config))
