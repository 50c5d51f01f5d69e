"""What a scan would send, told before anything is sent: pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from fibrix.domain.foreseen import Foreseen
from fibrix.domain.scan import REDFISH_PACKETS, ScanKind, ScanShare, Sending, cost, sendings

_WHAT: Final = {
    ScanKind.ARP: "ARP requests",
    ScanKind.ND: "echo requests to all IPv6 nodes and neighbor solicitations",
    ScanKind.PING: "ICMP echo requests",
    ScanKind.RMCP: "RMCP presence pings to UDP port 623",
    ScanKind.REDFISH: "packets of HTTPS to TCP port 443: GET /redfish/v1/",
}


def foresee_scan(shares: Sequence[ScanShare], rate: int) -> Iterator[Foreseen]:
    """Say how many packets of which kind go to where, and how long that takes."""
    for share in shares:
        for sending in sendings(share):
            yield Foreseen(
                what=sending.kind.value,
                subject=f"subnets/{share.subnet}",
                after=f"{sending.packets} {_WHAT[sending.kind]} at most",
                detail=_whom(share, sending),
            )
    price = cost(shares, rate)
    yield Foreseen(
        what="duration",
        after=f"{price.least_s:.0f} to {price.most_s:.0f} s",
        detail=f"{price.packets} packets at most, {rate} a second at most",
    )


def _whom(share: ScanShare, sending: Sending) -> str:
    hosts = "1 host" if sending.hosts == 1 else f"{sending.hosts} hosts"
    if sending.kind is ScanKind.ND:
        return f"on {share.interface}"
    if sending.kind is ScanKind.REDFISH:
        hosts = f"{hosts}, taken for {REDFISH_PACKETS} packets each"
    if share.relayed:
        return f"{hosts}, through routers by {share.interface}: {_spans(share)}"
    who = "" if sending.kind is ScanKind.ARP else ", only those who answer ARP"
    return f"{hosts} on {share.interface}{who}: {_spans(share)}"


def _spans(share: ScanShare) -> str:
    told = [str(span.first) if span.first == span.last else f"{span.first}-{span.last}" for span in share.spans]
    most = 8
    return ", ".join(told[:most]) + (f" and {len(told) - most} more ranges" if len(told) > most else "")
