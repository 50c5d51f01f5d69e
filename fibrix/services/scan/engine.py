"""What a scan sends next, and when; what an answer to it leads to. Pure: times are monotonic seconds.

Whatever is sent, in no second are there more packets than the rate says. Each has its time, evenly apart; what is late
by up to LATE_S is made up for, which is why the times are that much farther apart than they would have to be.

On a link everything begins with ARP, and only who answers it is asked more, at its MAC: so the kernel resolves no
address by itself, which nobody would have counted. Redfish is the exception, a TCP connection of the kernel's, to hosts
that are known to be there; it is taken for REDFISH_PACKETS packets.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from msgspec.structs import replace

from fibrix.domain.census.sighting import Address
from fibrix.domain.scan import (
    AFTER_ARP,
    AGAIN_S,
    LATE_S,
    REDFISH_AT_ONCE,
    REDFISH_PACKETS,
    UNKNOWN,
    ScanKind,
    ScanOrder,
    ScanShare,
)
from fibrix.domain.scan_report import RedfishRoot, ScanEnd, ScanReport, ScanTally
from fibrix.services.scan.hosts import Hosts
from fibrix.types import MacAddress

ALL_NODES: Final = IPv6Address("ff02::1")
"""Every IPv6 host of a link (RFC 4291 §2.7.1)."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to send now: a packet, or a Redfish connection to make."""

    kind: ScanKind
    subnet: str
    address: Address
    mac: MacAddress = UNKNOWN  # to send to; empty: the kernel routes it, or it goes to a group


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, of whatever host to whatever question."""

    kind: ScanKind
    address: Address
    mac: MacAddress = UNKNOWN  # empty: not known


class Engine:
    """One scan. The caller sends what is `due`, tells what is `heard`, and is done when there is no `next_s`."""

    def __init__(self, order: ScanOrder, now: float) -> None:
        self.sent: Counter[ScanKind] = Counter()
        self.hosts = Hosts()
        self._shares = {share.subnet: share for share in order.shares}
        self._gap_s = (1 + LATE_S) / order.rate
        self._fresh = _probes(order.shares)
        self._ahead: Probe | None = next(self._fresh, None)
        self._follow: deque[Probe] = deque()
        self._redfish: deque[Probe] = deque()
        self._again: deque[tuple[float, Probe]] = deque()  # in the order of their times
        self._under_way = 0
        self._free_at = now  # when the next packet may go out
        self._quiet_at = now  # until then answers may come
        self._faults: dict[str, str] = {}
        self._notes: list[str] = []

    def due(self, now: float) -> Probe | None:
        """Say what is to be sent now; None: nothing yet, or nothing any more. It counts as sent."""
        if now < self._free_at or (probe := self._choose(now)) is None:
            return None
        self.sent[probe.kind] += 1
        self._quiet_at = now + AGAIN_S
        self._under_way += _slow(probe)
        packets = REDFISH_PACKETS if _slow(probe) else 1
        self._free_at = max(self._free_at, now - LATE_S) + self._gap_s * packets
        return probe

    def next_s(self, now: float) -> float | None:
        """So many seconds from now there may be something to do, without another answer; None: it is over."""
        room = self._under_way < REDFISH_AT_ONCE
        if self._follow or (room and self._redfish) or (self._ahead is not None and (room or not _slow(self._ahead))):
            return max(0.0, self._free_at - now)
        if self._again:
            return max(0.0, self._free_at - now, self._again[0][0] - now)
        if self._under_way:
            return AGAIN_S
        return self._quiet_at - now if now < self._quiet_at else None

    def heard(self, subnet: str, answer: Heard) -> bool:
        """Take an answer from a subnet's link; False: nobody asked, or it is known."""
        share = self._shares[subnet]
        address, kind = answer.address, answer.kind
        if isinstance(address, IPv4Address) and not share.holds(address):
            return False
        if kind not in share.kinds or not self.hosts.note(kind, subnet, address, answer.mac):
            return False
        if kind is ScanKind.ARP:
            self._ask_more(share, address, answer.mac)
        return True

    def answered(self, probe: Probe, root: RedfishRoot | None) -> None:
        """Take the end of a Redfish probe; None: it did not answer."""
        self._under_way -= 1
        if root is not None:
            self.hosts.note(ScanKind.REDFISH, probe.subnet, probe.address, probe.mac, root)

    def give_up(self, subnet: str, reason: str) -> None:
        """A subnet cannot be asked any more: go on without it."""
        self._faults.setdefault(subnet, reason)
        self._skip()

    def leave_out(self, subnet: str, kind: ScanKind, reason: str) -> None:
        """Something is not possible in a subnet, and no fault."""
        self._notes.append(f"{subnet}: no {kind.value}: {reason}")
        share = self._shares[subnet]
        kinds = tuple(one for one in share.kinds if one is not kind)
        self._shares[subnet] = replace(share, kinds=kinds)
        self._skip()

    def report(self, end: ScanEnd | None = None) -> ScanReport:
        """Tell what it has come to."""
        if end is ScanEnd.DONE and self._faults:
            end = ScanEnd.CUT
        return ScanReport(
            end=end,
            tallies=self.tallies(),
            hosts=self.hosts.listed(self._shares),
            found=len(self.hosts),
            faults=tuple(f"{subnet}: {reason}" for subnet, reason in self._faults.items()),
            notes=tuple(self._notes),
        )

    def tallies(self) -> tuple[ScanTally, ...]:
        """Tell how often what was asked and answered."""
        kinds = [kind for kind in ScanKind if any(kind in share.kinds for share in self._shares.values())]
        return tuple(ScanTally(kind=kind, sent=self.sent[kind], answered=self.hosts.answered(kind)) for kind in kinds)

    def _choose(self, now: float) -> Probe | None:
        """First what is known to be there, then what is asked again, then newcomers."""
        while self._again and self._again[0][0] <= now:
            _, second = self._again.popleft()
            if self._wanted(second) and not self.hosts.has(second.kind, second.subnet, second.address):
                return second
        if self._follow:
            return self._first(self._follow.popleft(), now)
        room = self._under_way < REDFISH_AT_ONCE
        if self._redfish and room:
            return self._redfish.popleft()
        probe = self._ahead
        if probe is None or (_slow(probe) and not room):
            return None
        self._ahead = next(self._fresh, None)
        self._skip()
        return probe if _slow(probe) else self._first(probe, now)

    def _first(self, probe: Probe, now: float) -> Probe:
        """It is sent for the first of its TRIES: note when the second is due."""
        self._again.append((now + AGAIN_S, probe))
        return probe

    def _wanted(self, probe: Probe) -> bool:
        return probe.subnet not in self._faults and probe.kind in self._shares[probe.subnet].kinds

    def _skip(self) -> None:
        """Drop what is no longer wanted."""
        while self._ahead is not None and not self._wanted(self._ahead):
            self._ahead = next(self._fresh, None)
        for queue in (self._follow, self._redfish):
            if not all(map(self._wanted, queue)):
                kept = [probe for probe in queue if self._wanted(probe)]
                queue.clear()
                queue.extend(kept)

    def _ask_more(self, share: ScanShare, address: Address, mac: MacAddress) -> None:
        for kind in AFTER_ARP:
            if kind in share.kinds:
                probe = Probe(kind, share.subnet, address, mac)
                (self._redfish if _slow(probe) else self._follow).append(probe)


def _slow(probe: Probe) -> bool:
    """Whether it is a connection, of which there are only so many at once."""
    return probe.kind is ScanKind.REDFISH


def _probes(shares: tuple[ScanShare, ...]) -> Iterator[Probe]:
    """What is asked whoever answers, in order."""
    for share in shares:
        if ScanKind.ND in share.kinds:
            groups = (ALL_NODES,) if share.all_nodes else ()
            yield from (Probe(ScanKind.ND, share.subnet, address) for address in (*groups, *share.neighbours))
        for kind in share.kinds if share.relayed else (ScanKind.ARP,):
            for span in share.spans:
                for number in range(int(span.first), int(span.last) + 1):
                    yield Probe(kind, share.subnet, IPv4Address(number))
