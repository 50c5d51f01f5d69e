"""DNS: the region's zones, what keeps them up to date, and the service that answers from them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from fibrix.app.shared import Shared
from fibrix.controllers.dns.follower import NameFollower
from fibrix.controllers.dns.keeper import ServedOn, ZoneKeeper
from fibrix.controllers.dns.records import DnsController
from fibrix.controllers.dns.zones import DnsDesk
from fibrix.domain.dns import DnsSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s
from fibrix.runtime.service import Service
from fibrix.services.dns.service import DnsService
from fibrix.services.dns.settings import DnsSettings
from fibrix.store.region import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """All that belongs to DNS."""

    cell: Cell[DnsSnapshot]  # what the DNS service answers from
    keeper: ZoneKeeper
    follower: NameFollower
    controller: DnsController
    service: DnsService | None  # None: nobody is answered

    @property
    def services(self) -> Sequence[Service]:
        """What is to run, in order: names are there before they are answered."""
        return (self.follower, self.service) if self.service else (self.follower,)


def build_dns(shared: Shared, region: Region) -> Dns:
    """Make it."""
    config = shared.config.dns
    cell = Cell(DnsSnapshot())
    served_on = ServedOn(listen=config.listen, recursion=config.recursion, forwarders=config.forwarders)
    keeper = ZoneKeeper(region, cell, lambda: shared.snapshot.value.subnets, served_on, shared.now)
    follower = NameFollower(shared.bus, region, keeper, shared.snapshot, monotonic_s)
    desk = DnsDesk(
        store=region,
        keeper=keeper,
        look_again=follower.look_again,
        now=shared.now,
        draw=secrets.randbelow,
        octets=secrets.token_bytes,
    )
    settings = DnsSettings(
        port=config.port,
        rate=config.rate_per_s,
        local_rate=config.local_rate_per_s,
        cache_entries=config.cache_entries,
    )
    service = DnsService(cell, settings) if config.enabled else None
    return Dns(cell=cell, keeper=keeper, follower=follower, controller=DnsController(desk), service=service)
