"""Everything that is counted, put together, and the services that do the counting."""

import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from prometheus_client.metrics_core import Metric

import fibrix
from fibrix.app.metrics.dns import read_dns
from fibrix.app.metrics.rack import RackMeters
from fibrix.app.metrics.region import RegionMeters
from fibrix.app.shared import Shared
from fibrix.app.surroundings import build_surroundings
from fibrix.app.traffic import RackTraffic
from fibrix.controllers.durations import Durations
from fibrix.domain.ports.health import HealthSource
from fibrix.runtime.metrics import catalog
from fibrix.runtime.metrics.exposition import Exposition
from fibrix.runtime.metrics.http import HttpMeter
from fibrix.runtime.metrics.loop import LoopMeter
from fibrix.runtime.service import Service
from fibrix.services.dhcp.service import DhcpService
from fibrix.services.dns.service import DnsService
from fibrix.store.region import Region

RUNNING: Final = "running"


class Meters:
    """What the controller knows of itself."""

    def __init__(
        self,
        shared: Shared,
        region: Region,
        deliveries: Counter[str],
        rack: RackMeters | None,
        dns: DnsService | None,
    ) -> None:
        self.http = HttpMeter()
        self.subscribers: Counter[str] = Counter({"websocket": 0, "sse": 0})
        self.surroundings = build_surroundings(shared, region, rack, dns)
        self.traffic = RackTraffic(rack, dns)
        self._loop = LoopMeter()
        self._durations = Durations(shared.bus, region)
        self._bus = shared.bus
        self._deliveries = deliveries
        self._rack = rack
        self._dns = dns
        self._region = RegionMeters(
            region=region,
            durations=self._durations,
            per_machine=shared.config.metrics.per_machine,
            now=shared.now,
        )

    @property
    def dhcp(self) -> DhcpService | None:
        """The rack's DHCP service, which knows its leases; None: there is no rack."""
        return self._rack.dhcp if self._rack is not None else None

    @property
    def services(self) -> Sequence[Service]:
        """Those that count."""
        return (self._loop, self._durations, self.surroundings)

    def exposition(self, health: HealthSource) -> Exposition:
        """All of it, as Prometheus reads it."""
        rack = () if self._rack is None else (self._rack.read,)
        dns = () if self._dns is None else (partial(read_dns, self._dns),)
        return Exposition((self._api, self._region.read, *rack, *dns, lambda: self._process(health)))

    def _api(self) -> Iterable[Metric]:
        yield catalog.HTTP_REQUESTS.of(self.http.requests)
        yield catalog.HTTP_SECONDS.of(self.http.durations.all().items())
        yield catalog.SUBSCRIBERS.of(self.subscribers)
        yield catalog.DELIVERIES.of({"delivered": 0, "failed": 0, "dead": 0} | self._deliveries)
        yield catalog.BUS_QUEUED.of(self._bus.queued_by_name())
        yield catalog.BUS_LAGGED.of(self._bus.lagged_by_name())

    def _process(self, health: HealthSource) -> Iterable[Metric]:
        services = health.health()
        yield catalog.SERVICE_UP.of({service.name: float(service.state == RUNNING) for service in services})
        yield catalog.SERVICE_RESTARTS.of({service.name: service.restarts for service in services})
        yield catalog.CHECK_OK.of({check.name: float(check.ok) for check in self.surroundings.checks()})
        yield catalog.LOOP_LAG.one(self._loop.lag)
        yield catalog.BUILD_INFO.of({(fibrix.__version__, platform.python_version()): 1})


def build_meters(
    shared: Shared,
    region: Region,
    deliveries: Counter[str],
    rack: RackMeters | None = None,
    dns: DnsService | None = None,
) -> Meters:
    """Make them; without a rack, or a DNS service, nothing of one is counted."""
    return Meters(shared, region, deliveries, rack, dns)
