"""What the region does with what is heard on the wire, connected."""

from fibrix.app.core import Core, draw
from fibrix.app.shared import Shared
from fibrix.controllers.discovery_desk import DiscoveryDesk
from fibrix.controllers.hidden_networks import HiddenNetworkController
from fibrix.controllers.machines import MachineController
from fibrix.runtime.interface import own_macs
from fibrix.store.region import Region


def build_desk(shared: Shared, region: Region, core: Core, machines: MachineController) -> DiscoveryDesk:
    """Make what the API commands discoveries by."""
    return DiscoveryDesk(
        store=region,
        keeper=core.keeper,
        book=core.networks,
        machines=machines,
        own_macs=own_macs,
        now=shared.now,
    )


def build_hidden(shared: Shared, region: Region, core: Core) -> HiddenNetworkController:
    """Make what the API hides networks by."""
    return HiddenNetworkController(region, core.keeper, core.snapshots.refresh, shared.now, draw)
