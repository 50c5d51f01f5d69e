"""DHCP and DNS as they go, read from the services' memory."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fibrix.app.metrics.rack import RackMeters
from fibrix.domain.binding import BindingState
from fibrix.domain.ports.traffic import (
    Conflicts,
    DhcpTraffic,
    DnsTraffic,
    Forwarding,
    Link,
    OtherServer,
    PxePortTraffic,
    Talker,
    Unserved,
)
from fibrix.runtime.clock import monotonic_s
from fibrix.services.dhcp.outcome import Verdict
from fibrix.services.dhcp.service import DhcpService
from fibrix.services.dhcp.watch import Watch
from fibrix.services.dns.service import DnsService

_TALKERS: Final = 20
_MAC_LETTERS: Final = 17
_VERDICTS: Final = frozenset(verdict.word for verdict in Verdict)
_DNS_PLAIN: Final = ("limited", "slipped", "transfers", "notified", "notify_answered", "unusable_records")
_DNS_SHOWN: Final = frozenset({*_DNS_PLAIN, "answer_hits", "forwarded", "cache_hits", "forward_failed"})


@dataclass(frozen=True, slots=True)
class RackTraffic:
    """Fits `domain.ports.traffic.Traffic`; None: there is no such service."""

    rack: RackMeters | None = None
    named: DnsService | None = None

    def dhcp(self) -> DhcpTraffic:
        """Read the DHCP services."""
        rack = self.rack
        if rack is None:
            return DhcpTraffic()
        counts = rack.dhcp.counts
        return DhcpTraffic(
            running=True,
            received=dict(rack.dhcp.received),
            sent=dict(rack.dhcp.sent),
            verdicts={name: count for name, count in counts.items() if name in _VERDICTS},
            faults={name: count for name, count in counts.items() if name not in _VERDICTS},
            deciding=rack.dhcp.deciding,
            storing=rack.dhcp.storing,
            serving=rack.dhcp.serving,
            closed=_unserved(rack.dhcp.closed),
            conflicts=_conflicts(rack),
            link=Link(counts=dict(rack.watch.counts), deaf=_unserved(rack.watch.closed)),
            pxe_port=PxePortTraffic(
                counts=dict(rack.pxe_port.counts),
                serving=rack.pxe_port.serving,
                closed=_unserved(rack.pxe_port.closed),
            ),
            servers=_servers(rack.watch),
            talkers=_talkers(rack.dhcp),
        )

    def dns(self) -> DnsTraffic:
        """Read the DNS service."""
        service = self.named
        if service is None:
            return DnsTraffic()
        counts = service.counts
        return DnsTraffic(
            running=True,
            queries=dict(service.queries),
            answers=dict(service.answers),
            kept_hits=counts["answer_hits"],
            **{name: counts[name] for name in _DNS_PLAIN},
            forwarding=Forwarding(
                forwarded=counts["forwarded"],
                cache_hits=counts["cache_hits"],
                failed=counts["forward_failed"],
                kept=service.remembered,
            ),
            faults={name: count for name, count in counts.items() if name not in _DNS_SHOWN},
            serving=service.serving,
            closed=_unserved(service.closed),
            zone_faults=service.faults,
        )


def _unserved(closed: Mapping[str, str]) -> tuple[Unserved, ...]:
    return tuple(Unserved(where=where, reason=reason) for where, reason in sorted(closed.items()))


def _talkers(dhcp: DhcpService) -> tuple[Talker, ...]:
    """The loudest; what is too short to name its sender has none."""
    loudest = dhcp.talkers.top(_TALKERS + 1, monotonic_s())
    named = [Talker(mac=mac, messages=count) for mac, count in loudest if len(mac) == _MAC_LETTERS]
    return tuple(named[:_TALKERS])


def _conflicts(rack: RackMeters) -> Conflicts:
    resting: Counter[BindingState] = Counter()
    for (_, state), count in rack.dhcp.in_use().items():
        resting[state] += count
    return Conflicts(
        probed=rack.watch.counts["conflicts"],
        declined=rack.dhcp.received["decline"],
        resting=resting[BindingState.DECLINED],
    )


def _servers(watch: Watch) -> tuple[OtherServer, ...]:
    return tuple(
        OtherServer(
            address=str(one.address),
            mac=one.mac,
            interface=one.interface,
            subnet=one.subnet,
            expected=one.expected,
            answer=one.answer,
            heard_at=one.last,
        )
        for one in watch.servers()
    )
