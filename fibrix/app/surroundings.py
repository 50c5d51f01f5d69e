"""What the controller stands on, and how each of it is looked at."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from fibrix.app.core import newest_ephemeral
from fibrix.app.metrics.rack import RackMeters
from fibrix.app.shared import Shared
from fibrix.controllers.surroundings import Probe, Surroundings
from fibrix.domain.surroundings import clock_fault, disk_fault
from fibrix.runtime.clock import monotonic_s
from fibrix.services.dhcp.watch import foreign
from fibrix.services.dns.service import DnsService
from fibrix.store.region import Region


class ClockProbe:
    """Compares the wall clock with the newest event, and with the time that passed since the last look."""

    def __init__(self, region: Region, now: Callable[[], datetime]) -> None:
        self._region = region
        self._now = now
        self._last = now(), monotonic_s()

    async def look(self) -> str:
        """Say why the clock cannot be believed."""
        now, passed_s = self._now(), monotonic_s()
        stepped_s = (now - self._last[0]).total_seconds() - (passed_s - self._last[1])
        self._last = now, passed_s
        newest = await self._region.journal.since(max(0, self._region.journal.head - 1), limit=1)
        return clock_fault(now, newest_event=newest[0].at if newest else None, stepped_s=stepped_s)


def build_surroundings(
    shared: Shared, region: Region, meters: RackMeters | None, dns: DnsService | None
) -> Surroundings:
    """Make what looks at the disk, the clock, the store, the ephemeral OS and the served interfaces."""
    config = shared.config

    async def database() -> str:
        await region.db.probe()
        return ""

    async def disk() -> str:
        return disk_fault(
            _free_bytes(config.state_dir), least_bytes=config.health.disk_free_bytes, folder=str(config.state_dir)
        )

    async def ephemeral() -> str:
        found = newest_ephemeral(config.boot_dir)
        return "" if found else "there is no ephemeral OS to boot machines with: `fibrix ephemeral build`"

    async def interfaces() -> str:
        return "; ".join(_not_served(meters, dns))

    async def dhcp_servers() -> str:
        return foreign(meters.watch.servers()) if meters else ""

    return Surroundings(
        {
            "database": Probe(database, vital=True),
            "disk": Probe(disk),
            "clock": Probe(ClockProbe(region, shared.now).look),
            "ephemeral": Probe(ephemeral),
            "interfaces": Probe(interfaces),
            "dhcp_servers": Probe(dhcp_servers),
        }
    )


def _not_served(rack: RackMeters | None, dns: DnsService | None) -> Iterator[str]:
    """What should be served and is not, with the reason."""
    places: list[tuple[str, dict[str, str]]] = []
    if rack is not None:
        places += [
            ("DHCP", rack.dhcp.closed),
            ("the PXE port", rack.pxe_port.closed),
            ("TFTP", rack.tftp.closed),
            ("HTTP boot", rack.httpboot.closed),
        ]
    if dns is not None:
        places.append(("DNS", dns.closed))
    for protocol, closed in places:
        for place, reason in sorted(closed.items()):
            yield f"{protocol} is not answered on {place}: {reason}"
    for place, reason in sorted(rack.sniffer.closed.items() if rack is not None else ()):
        yield f"hosts are not heard on {place}: {reason}"


def _free_bytes(folder: Path) -> int:
    """What an ordinary user may still write there."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
