"""What the API serves from."""

from fibrix.api.service import ApiPorts
from fibrix.app.backup import backup_source
from fibrix.app.core import Core
from fibrix.app.discoveries import build_desk, build_hidden
from fibrix.app.identity import build_identity
from fibrix.app.leases import RackLeases
from fibrix.app.metrics.meters import Meters, build_meters
from fibrix.app.shared import Shared
from fibrix.controllers.addresses import AddressController
from fibrix.controllers.backups import BackupController
from fibrix.controllers.boot_book import JournalBoots
from fibrix.controllers.event_names import StoredNames
from fibrix.controllers.fabrics import FabricController
from fibrix.controllers.images import ImageController
from fibrix.controllers.machines import MachineController
from fibrix.controllers.operations import OperationController
from fibrix.controllers.reservations import ReservationController
from fibrix.controllers.subnets import SubnetController
from fibrix.controllers.targets import ScrapeTargets
from fibrix.controllers.traffic import TrafficController
from fibrix.domain.ports.health import HealthSource
from fibrix.store.region import Region


def build_api_ports(
    shared: Shared,
    region: Region,
    core: Core,
    machines: MachineController,
    images: ImageController,
    health: HealthSource,
    meters: Meters | None = None,
) -> ApiPorts:
    """Connect the API to the region's controllers."""
    meters = meters or build_meters(shared, region, core.postal.attempts)
    identity = build_identity(shared, region, core.networks)
    leases = RackLeases(meters.dhcp)
    book, refresh, now = core.networks, core.snapshots.refresh, shared.now
    return ApiPorts(
        machines=machines,
        discoveries=build_desk(shared, region, core, machines),
        hidden_networks=build_hidden(shared, region, core),
        boots=JournalBoots(region.journal, region.machine),
        operations=OperationController(region, core.lifecycle, shared.bus, core.scans.cancel),
        scans=core.scans,
        images=images,
        scripts=core.scripts,
        users=identity.users,
        tenants=identity.tenants,
        api_keys=identity.api_keys,
        logins=identity.logins,
        ssh_keys=identity.ssh_keys,
        dns=core.dns.controller,
        networks=SubnetController(region, book, leases, refresh, now),
        reservations=ReservationController(region, book, leases, refresh, now),
        fabrics=FabricController(region, book, refresh, now),
        traffic=TrafficController(meters.traffic, region.by_mac),
        addresses=AddressController(region, book, leases, now),
        journal=region.journal,
        event_names=StoredNames(region),
        gate=identity.gate,
        ledger=core.recorder,
        webhooks=core.postal.controller,
        audit=region.audit,
        health=health,
        checks=meters.surroundings,
        metrics=meters.exposition(health),
        targets=ScrapeTargets(region),
        subscribers=meters.subscribers,
        backups=BackupController(region, backup_source(shared), shared.now),
        observe=meters.http.observe,
        now=shared.now,
    )
