"""The region's side: controllers and the API, connected to the store and to the rack."""

from collections.abc import Sequence
from dataclasses import dataclass

from fibrix.api.machine_facing.service import MachineFacingService
from fibrix.api.service import ApiService
from fibrix.app.api import build_api_ports
from fibrix.app.core import Core, build_core, draw
from fibrix.app.metrics.meters import build_meters
from fibrix.app.rack import Rack
from fibrix.app.rehearsing import RehearsedManual, RehearsedPower
from fibrix.app.shared import Shared
from fibrix.controllers.agents import AgentController
from fibrix.controllers.allocate import Allocator
from fibrix.controllers.boot import BootController
from fibrix.controllers.deploy import Deployer
from fibrix.controllers.discovery import Discovery
from fibrix.controllers.drive import Drive
from fibrix.controllers.images import ImageController
from fibrix.controllers.machines import MachineController
from fibrix.controllers.metadata import MetadataController
from fibrix.controllers.operations import OperationKeeper
from fibrix.controllers.orders import Orders
from fibrix.controllers.power import PowerController
from fibrix.controllers.powering import Powering
from fibrix.controllers.retention import Retention
from fibrix.controllers.sessions import Sessions
from fibrix.controllers.settle import Settler
from fibrix.controllers.sightings import Sightings
from fibrix.controllers.ssh_keys import SshKeyController
from fibrix.controllers.why import Reasons
from fibrix.controllers.wire import WireController
from fibrix.domain.power import PowerKind, PowerState
from fibrix.runtime.notify import Notifier, Watchdog
from fibrix.runtime.service import Service
from fibrix.runtime.supervisor import Health, Supervisor
from fibrix.store.images import Images
from fibrix.store.region import Region


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
        subnets=core.networks.served,
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
    power, manual = RehearsedPower(rack.power, region.machine), RehearsedManual(rack.manual)
    return MachineController(
        store=region,
        lifecycle=core.lifecycle,
        planner=core.planner,
        allocator=Allocator(region, core.lifecycle),
        deployer=Deployer(core.lifecycle, images, ssh_keys, draw),
        powering=Powering(power, manual, core.lifecycle, shared.now),
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
    core = build_core(shared, region)
    core.snapshots.refresh()
    if rack.scanner is not None:
        core.scans.scanner = rack.scanner
    settler = Settler(region, core.lifecycle, shared.now)
    images = ImageController(Images(shared.config.images_dir), region)
    meters = build_meters(shared, region, core.postal.attempts, rack.meters, core.dns.service)
    keepers: list[Supervisor] = []  # the API shows the health of the supervisor that it is itself kept by
    agents = build_agents(shared, region, core, settler)
    metadata = MetadataController(region, core.lifecycle, settler, region.secrets.key, shared.now)
    ports = build_api_ports(
        shared, region, core, build_machines(shared, region, core, rack, images), images, HealthOf(keepers), meters
    )
    services: Sequence[Service] = (
        *meters.services,
        core.recorder,
        core.postal.service,
        WireController(shared.bus, region.change),
        core.keeper,
        core.scans,
        PowerController(shared.bus, core.lifecycle, shared.now),
        build_boots(shared, region, core, rack, settler),
        *core.dns.services,
        *rack.services,
        MachineFacingService(agents, metadata, shared.snapshot, port=shared.config.machines.port),
        ApiService(shared.config.api, shared.config.state_dir, ports),
        OperationKeeper(region, shared.config.lifecycle.operations_kept_days, shared.now),
        Retention(region.journal, shared.config.journal, shared.now),
        Watchdog(notifier),
    )
    keepers.append(Supervisor(services))
    for machine in region.machines():
        if machine.power.kind is PowerKind.MANUAL and machine.power_state is not PowerState.UNKNOWN:
            rack.manual.confirm(machine.id, machine.power_state)
    return keepers[0]
