"""The region's side of active scans, connected."""

from collections.abc import Callable

from fibrix.app.shared import Shared
from fibrix.config import interface_roles
from fibrix.controllers.networks import NetworkBook
from fibrix.controllers.scans import Places, ScanController, Schedule
from fibrix.domain.scan import ScanKind
from fibrix.store.region import Region


def build_scans(shared: Shared, region: Region, networks: NetworkBook, draw: Callable[[int], int]) -> ScanController:
    """Make what begins scans and hears of their ends; its `scanner` is the rack's."""
    config = shared.config
    schedule = Schedule(
        interval_s=config.discovery.scan_interval_s,
        kinds=tuple(map(ScanKind, config.discovery.scan_kinds)),
        rate=config.discovery.scan_rate,
        subnets=config.discovery.scan_subnets,
    )
    places = Places(subnets=networks.served, roles=interface_roles(config))
    return ScanController(region, shared.bus, places, schedule, shared.now, draw)
