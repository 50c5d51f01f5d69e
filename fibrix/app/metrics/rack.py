"""What the rack's side counts."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from prometheus_client.metrics_core import Metric

from fibrix.app.metrics.stores import database
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.metrics import catalog
from fibrix.services.dhcp.pxe_port import PxePort
from fibrix.services.dhcp.service import DhcpService
from fibrix.services.dhcp.watch import Watch
from fibrix.services.httpboot.service import HttpBootService
from fibrix.services.ndp.service import NdpService
from fibrix.services.power.service import PowerService
from fibrix.services.scan.service import ScanService
from fibrix.services.sniffer.service import Sniffer
from fibrix.services.tftp.service import TftpService
from fibrix.store.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class RackMeters:
    """The rack-side services, for reading their numbers."""

    snapshot: Cell[RackSnapshot]
    database: Database
    dhcp: DhcpService
    watch: Watch
    pxe_port: PxePort
    tftp: TftpService
    httpboot: HttpBootService
    ndp: NdpService
    power: PowerService
    sniffer: Sniffer
    scan: ScanService

    def read(self) -> Iterable[Metric]:
        """Read all of them."""
        yield from database("rack", self.database)
        yield from self._dhcp()
        yield from self._links()
        yield from self._boot()
        yield from self._hosts()
        yield catalog.POWER_COMMANDS.of(self.power.commands)
        yield catalog.POWER_SECONDS.of(self.power.durations.all().items())

    def _dhcp(self) -> Iterable[Metric]:
        dhcp = self.dhcp
        yield catalog.DHCP_RECEIVED.of(dhcp.received)
        yield catalog.DHCP_SENT.of(dhcp.sent)
        yield catalog.DHCP_DECISIONS.of(dhcp.counts)
        yield catalog.DHCP_QUEUED.one(dhcp.queued)
        yield catalog.DHCP_SERVING.of(dict.fromkeys(dhcp.closed, 0) | dict.fromkeys(dhcp.serving, 1))
        leases = {(subnet, state.value): count for (subnet, state), count in dhcp.in_use().items()}
        yield catalog.DHCP_LEASES.of(leases)
        sizes = {
            subnet.name: sum(int(span.last) - int(span.first) + 1 for span in subnet.ranges)
            for subnet in self.snapshot.value.subnets
        }
        yield catalog.DHCP_POOL.of(sizes)
        yield catalog.DHCP_RANGE.of(dict(self._ranges()))

    def _ranges(self) -> Iterable[tuple[tuple[str, str, str], float]]:
        """Count the addresses of each dynamic range."""
        spans = sorted(
            (int(span.first), int(span.last) + 1, subnet.name, f"{span.first}-{span.last}")
            for subnet in self.snapshot.value.subnets
            for span in subnet.ranges
        )
        bounds = [bound for first, end, *_ in spans for bound in (first, end)]  # no two ranges overlap
        places = Counter(map(partial(bisect_right, bounds), self.dhcp.taken()))
        for number, (first, end, subnet, name) in enumerate(spans):
            yield (subnet, name, "all"), end - first
            yield (subnet, name, "taken"), places[2 * number + 1]

    def _links(self) -> Iterable[Metric]:
        yield catalog.DHCP_LINK.of(self.watch.counts)
        yield catalog.PXE_PORT.of(self.pxe_port.counts)

    def _boot(self) -> Iterable[Metric]:
        yield catalog.SOLICITATIONS.of(self.ndp.counts)
        yield catalog.SCAN_SENT.of(self.scan.sent)
        yield catalog.SCAN_ANSWERED.of(self.scan.answered)
        tftp, http = self.tftp.counters, self.httpboot.downloads
        yield catalog.TRANSFERS.of(
            {
                ("tftp", "whole"): tftp.sent,
                ("tftp", "broken"): tftp.failed,
                ("http", "whole"): http.sent,
                ("http", "broken"): http.failed,
            }
        )
        yield catalog.TRANSFER_BYTES.of({"tftp": tftp.sent_bytes, "http": http.sent_bytes})
        yield catalog.TRANSFERS_ACTIVE.of({"tftp": self.tftp.transfers, "http": http.active.total()})
        yield catalog.BOOT_REFUSED.of(
            {
                ("tftp", "refused"): tftp.refused,
                ("tftp", "malformed"): tftp.malformed,
                ("tftp", "over_limit"): tftp.over_limit,
                ("tftp", "stranger"): tftp.strangers,
                ("http", "refused"): http.missing,
                ("http", "over_limit"): http.refused,
            }
        )

    def _hosts(self) -> Iterable[Metric]:
        sniffer = self.sniffer
        frames = {
            (means.value, verdict): getattr(count, verdict)
            for means, count in sniffer.counts.items()
            for verdict in ("read", "malformed", "unproved", "limited")
        }
        yield catalog.SNIFFER_FRAMES.of(frames)
        yield catalog.SNIFFER_HEARD.of(sniffer.frames)
        yield catalog.SNIFFER_DROPPED.of(sniffer.dropped)
        yield catalog.SNIFFER_HEARING.of(dict.fromkeys(sniffer.hearing, 1) | dict.fromkeys(sniffer.closed, 0))
        yield catalog.SNIFFER_HOSTS.one(sniffer.known)
        yield catalog.SNIFFER_LOSSES.of(sniffer.losses)
