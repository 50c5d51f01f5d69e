"""Is an address free? ARP probes ahead of need (RFC 5227 §2.1.1), so that no client waits for one. Pure.

A subnet's ranges are gone through at a stated pace, again and again: an address that nobody answers for is clear for a
while; one that is answered for is a conflict. Of large ranges, one address in every few is kept clear, so that there is
one near any place that a newcomer's MAC points to. Times are monotonic seconds.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.address_plan import AddressPlan
from fibrix.domain.network import Subnet
from fibrix.types import MacAddress
from fibrix.wire.arp import ArpOperation, ArpPacket
from fibrix.wire.dhcp4.message import ANY
from fibrix.wire.ethernet import ARP, BROADCAST, EthernetFrame

CLEAR_S: Final = 300.0
"""An address that nobody answered for counts as clear for this long."""

_RENEW_S: Final = 60.0  # before that ends it is probed again
_PROBES: Final = 2
_PAUSE_S: Final = 1.0  # between two probes, and after the last one: PROBE_MIN
_PER_SECOND: Final = 50  # addresses newly probed
_LOOKS: Final = 1_024  # places looked at per step: those in use are skipped
_MOST: Final = 4_096  # addresses known to be clear, or being probed, per subnet
_BLOCKS: Final = 3_072  # kept clear of larger ranges: the rest is for those that are given away, and replaced
_PROXY_ARP: Final = 16  # a MAC that answers for more than so many is a router that answers for everyone (RFC 1027)
_NOBODY: Final = MacAddress("00:00:00:00:00:00")


@dataclass(slots=True)
class _Probing:
    sent: int
    next_at: float


class Prober:
    """One subnet's addresses. Every step takes the same time however large the ranges are; what it holds is bounded."""

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self._plan = AddressPlan(subnet)
        self._block = 1 if self._plan.size <= _MOST else -(-self._plan.size // _BLOCKS)
        self._probing: dict[int, _Probing] = {}
        self._clear: OrderedDict[int, float] = OrderedDict()  # until when, the first to end first
        self._answered: defaultdict[MacAddress, set[int]] = defaultdict(set)
        self._cursor = 0
        self._credit = 0.0
        self._last: float | None = None

    def is_clear(self, number: int, now: float) -> bool:
        """Whether nobody answered for this address a short while ago."""
        return self._clear.get(number, now) > now

    def clear_of(self, numbers: Sequence[int], now: float) -> list[int]:
        """Those of many that are clear, in their order."""
        clear = self._clear
        if clear.keys().isdisjoint(numbers):  # mostly so in a large pool, and found out in no time
            return []
        return [number for number in numbers if clear.get(number, now) > now]

    def answers_for_all(self, mac: MacAddress) -> bool:
        """Whether this is no machine on the address, but a router that answers for everyone."""
        return len(self._answered.get(mac, ())) > _PROXY_ARP

    def due(self, now: float, vacant: Callable[[int], bool]) -> list[int]:
        """Say which addresses to send a probe for now. `vacant`: nobody has it."""
        self._earn(now)
        while self._clear and next(iter(self._clear.values())) <= now:
            self._clear.popitem(last=False)
        return self._go_on(now) + self._begin(now, vacant)

    def heard(self, packet: ArpPacket, now: float, vacant: Callable[[int], bool]) -> MacAddress | None:
        """Take an ARP packet: whose it is, when it says that a vacant address that we look after is in use."""
        number = int(packet.sender)
        if number not in self._probing and not self.is_clear(number, now):
            return None
        self._probing.pop(number, None)
        self._clear.pop(number, None)
        if not vacant(number):  # whoever was given it meanwhile
            return None
        if len(self._answered) < _MOST or packet.sender_mac in self._answered:
            self._note(packet.sender_mac, number)
        if self.answers_for_all(packet.sender_mac):
            self._be_clear(number, now)
            return None
        return packet.sender_mac

    def _note(self, mac: MacAddress, number: int) -> None:
        answered = self._answered[mac]
        if len(answered) <= _PROXY_ARP:
            answered.add(number)

    def _earn(self, now: float) -> None:
        """As many addresses may be begun as the pace allows for the time that passed, but never many at once."""
        passed = 0.0 if self._last is None else max(0.0, now - self._last)
        self._last = now
        self._credit = min(self._credit + passed * _PER_SECOND, float(_PER_SECOND))

    def _go_on(self, now: float) -> list[int]:
        """The next probe for those that are being probed; those whose last one was in vain are clear."""
        due = [(number, one) for number, one in self._probing.items() if one.next_at <= now]
        again = []
        for number, one in due:
            if one.sent < _PROBES:
                one.sent, one.next_at = one.sent + 1, now + _PAUSE_S
                again.append(number)
                continue
            del self._probing[number]
            self._be_clear(number, now)
        return again

    def _be_clear(self, number: int, now: float) -> None:
        self._clear[number] = now + CLEAR_S
        self._clear.move_to_end(number)

    def _begin(self, now: float, vacant: Callable[[int], bool]) -> list[int]:
        begun: list[int] = []
        step = max(_LOOKS // self._block, 1) * self._block
        places = self._plan.stretch(self._cursor, min(step, self._plan.size - self._cursor))
        for at in range(0, len(places), self._block):
            if self._credit < 1 or len(self._probing) + len(self._clear) >= _MOST:
                break
            block = places[at : at + self._block]
            self._cursor = (self._cursor + len(block)) % self._plan.size
            number = self._lacking(block, now, vacant)
            if number is not None:
                self._probing[number] = _Probing(1, now + _PAUSE_S)
                self._credit -= 1
                begun.append(number)
        return begun

    def _lacking(self, block: Sequence[int], now: float, vacant: Callable[[int], bool]) -> int | None:
        """The first address of a block that can be probed; None when one of it is clear for some time yet."""
        found = None
        for number in block:
            if number in self._probing or self._clear.get(number, now) > now + _RENEW_S:
                if self._block == 1 or vacant(number):
                    return None
            elif found is None and self._plan.dynamic(number) and vacant(number):
                found = number
        return found


def question(mac: MacAddress, source: IPv4Address, target: IPv4Address) -> bytes:
    """The frame that asks, from an address of ours, what MAC another address has (RFC 826)."""
    packet = ArpPacket(ArpOperation.REQUEST, mac, source, _NOBODY, target)
    return EthernetFrame(BROADCAST, mac, ARP, packet.encode()).encode()


def probe(mac: MacAddress, number: int) -> bytes:
    """The frame that asks who has an address, from nobody's address so that no cache is spoiled (RFC 5227 §2.1.1)."""
    packet = ArpPacket(ArpOperation.REQUEST, mac, ANY, _NOBODY, ANY + number)
    return EthernetFrame(BROADCAST, mac, ARP, packet.encode()).encode()
