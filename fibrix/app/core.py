"""What all controllers of the region stand on."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from fibrix.app.dns import Dns, build_dns
from fibrix.app.scans import build_scans
from fibrix.app.shared import Shared
from fibrix.app.webhooks import Postal, build_webhooks
from fibrix.config import interface_roles, kept_subnets, vlans
from fibrix.controllers.discoveries import DiscoveryKeeper
from fibrix.controllers.ledger import Recorder
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.networks import Declared, NetworkBook
from fibrix.controllers.plan import Planner
from fibrix.controllers.rack import RackSnapshots
from fibrix.controllers.scans import ScanController
from fibrix.domain.progress import Limits
from fibrix.ephemeral import catalog
from fibrix.ephemeral.build import latest
from fibrix.errors import NotFoundError
from fibrix.store.region import Region

draw = secrets.randbelow


def newest_ephemeral(boot_dir: Path) -> str:
    """Name the ephemeral OS to boot; empty while none was built."""
    try:
        return latest(boot_dir)
    except NotFoundError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The region's foundations, that its controllers share."""

    lifecycle: Lifecycle
    planner: Planner
    scripts: catalog.Catalog
    networks: NetworkBook
    snapshots: RackSnapshots
    limits: Limits
    recorder: Recorder
    postal: Postal
    dns: Dns
    keeper: DiscoveryKeeper
    scans: ScanController


def build_core(shared: Shared, region: Region) -> Core:
    """Make what all controllers stand on."""
    config = shared.config
    scripts = catalog.load((catalog.BUILTIN_DIR, config.state_dir / config.ephemeral.extra_scripts_dir))
    planner = Planner(scripts, config.scripts, draw)
    declared = Declared(subnets=kept_subnets(config), vlans=vlans(config), roles=interface_roles(config))
    networks = NetworkBook(region, declared)
    snapshots = RackSnapshots(
        region, region.secrets.key, shared.snapshot, config, networks.served, lambda: newest_ephemeral(config.boot_dir)
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
    return Core(
        lifecycle=lifecycle,
        planner=planner,
        scripts=scripts,
        networks=networks,
        snapshots=snapshots,
        limits=limits,
        recorder=Recorder(region.books, shared.now),
        postal=build_webhooks(shared, region),
        dns=build_dns(shared, region),
        keeper=DiscoveryKeeper(shared.bus, region, config.discovery, shared.now),
        scans=build_scans(shared, region, networks, draw),
    )
