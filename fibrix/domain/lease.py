"""Who has which address: bindings, offers, and the choice of an address for a machine.

Bindings are keyed on the MAC, not on the client identifier (which RFC 2131 §4.2 would prefer): boot ROM, iPXE, the
ephemeral OS and the installed system of one machine each send another identifier, and the machine has to keep its
address through all of them.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from heapq import heapify, heappop, heappush
from ipaddress import IPv4Address

import msgspec

from fibrix.domain.address_plan import AddressPlan
from fibrix.domain.network import Subnet
from fibrix.types import MacAddress

_HEAP_SLACK = 4  # a heap is rebuilt when it holds this many times more entries than there are bindings
_HEAP_LEAST = 256  # entries below which that is not worth it


class BindingState(Enum):
    """What a binding means while it has not expired."""

    BOUND = "bound"
    RELEASED = "released"  # given back; kept so that the machine finds its address again
    DECLINED = "declined"  # a client found someone else on it: nobody gets it until it expires


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """An address and the machine that has, or last had it."""

    address: IPv4Address
    subnet: str
    mac: MacAddress
    state: BindingState
    hostname: str = ""  # as the client told it
    since: datetime  # the machine got this address then
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """An address that is held for a machine until it asks for it, or `until`."""

    subnet: str
    mac: MacAddress
    until: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """An address, or why there is none."""

    address: IPv4Address | None
    reason: str = ""


class Leases:
    """All bindings and offers of a rack, in memory. No IO, no clock: `now` is UTC and aware.

    Every step takes the same time however many bindings there are, but for the search of a nearly full range.
    """

    def __init__(self, bindings: Iterable[Binding], *, offer_s: int, decline_s: int) -> None:
        """`bindings`: what the store has. An offer holds for `offer_s`, a declined address rests for `decline_s`."""
        self._offer = timedelta(seconds=offer_s)
        self._decline = timedelta(seconds=decline_s)
        self._by_address: dict[int, Binding] = {}
        self._by_client: dict[tuple[str, MacAddress], Binding] = {}
        self._offers: dict[int, Offer] = {}  # in order of `until`
        self._offered_to: dict[tuple[str, MacAddress], int] = {}
        self._plans: dict[str, AddressPlan] = {}
        self._expiring: dict[str, list[tuple[datetime, int]]] = {}  # heaps; entries that no binding matches are stale
        self._all_used: set[str] = set()  # subnets where no address was never used before
        for binding in bindings:
            self._keep(binding)

    def in_use(self, now: datetime) -> Counter[tuple[str, BindingState]]:
        """Count the bindings that have not expired, by subnet and state."""
        return Counter((b.subnet, b.state) for b in self._by_address.values() if b.expires_at > now)

    def choose(self, subnet: Subnet, mac: MacAddress, wanted: IPv4Address | None, now: datetime) -> Choice:
        """Find an address: the reserved one, the last one, the one asked for, a fresh one, the longest expired one.

        The fresh one depends on the MAC alone as long as it is free, so that a lost store changes few addresses.
        """
        plan = self._plan(subnet)
        self._drop_old_offers(now)
        for address in self._claims(plan, mac, wanted):
            if not self._refusal(plan, mac, address, now):
                return Choice(IPv4Address(address))
        number = self._fresh(plan, mac)
        if number is None:
            number = self._longest_expired(plan, mac, now)
        if number is None:
            return Choice(None, f"all {plan.size} addresses of the ranges of {subnet.name} are in use")
        return Choice(IPv4Address(number))

    def refusal(self, subnet: Subnet, mac: MacAddress, address: IPv4Address, now: datetime) -> str:
        """Why this machine may not have this address now; empty when it may."""
        return self._refusal(self._plan(subnet), mac, int(address), now)

    def reserved(self, subnet: Subnet, mac: MacAddress, now: datetime) -> IPv4Address | None:
        """The address that is reserved for this machine, if nobody sits on it."""
        plan = self._plan(subnet)
        number = plan.reserved_for(mac)
        return None if number is None or self._refusal(plan, mac, number, now) else IPv4Address(number)

    def binding(self, subnet: Subnet, mac: MacAddress) -> Binding | None:
        """The last binding of this machine, expired or not."""
        return self._by_client.get((subnet.name, mac))

    def offered(self, subnet: Subnet, mac: MacAddress, now: datetime) -> IPv4Address | None:
        """The address that is held for this machine."""
        self._drop_old_offers(now)
        number = self._offered_to.get((subnet.name, mac))
        return None if number is None else IPv4Address(number)

    def hold(self, subnet: Subnet, mac: MacAddress, address: IPv4Address, now: datetime) -> None:
        """Keep an offered address for this machine for a while."""
        self.withdraw(subnet, mac)
        self._offers[int(address)] = Offer(subnet.name, mac, now + self._offer)
        self._offered_to[subnet.name, mac] = int(address)

    def withdraw(self, subnet: Subnet, mac: MacAddress) -> None:
        """Take back what is offered to this machine, if anything."""
        number = self._offered_to.get((subnet.name, mac))
        if number is not None:
            self._drop_offer(number)

    def grant(self, subnet: Subnet, mac: MacAddress, address: IPv4Address, hostname: str, now: datetime) -> Binding:
        """Bind an address that `refusal` has nothing against for `subnet.lease_s` from now."""
        self.withdraw(subnet, mac)
        before = self.binding(subnet, mac)
        same = before is not None and before.address == address and before.state is BindingState.BOUND
        if before is not None and before.address != address:
            self._forget(before)
        binding = Binding(
            address=address,
            subnet=subnet.name,
            mac=mac,
            state=BindingState.BOUND,
            hostname=hostname,
            since=before.since if before is not None and same else now,
            expires_at=now + timedelta(seconds=subnet.lease_s),
        )
        self._keep(binding)
        return binding

    def release(self, mac: MacAddress, address: IPv4Address, now: datetime) -> Binding | None:
        """End a binding; None when this machine does not have this address."""
        binding = self._by_address.get(int(address))
        if binding is None or binding.mac != mac or binding.state is not BindingState.BOUND:
            return None
        released = msgspec.structs.replace(binding, state=BindingState.RELEASED, expires_at=now)
        self._keep(released)
        return released

    def decline(self, subnet: Subnet, mac: MacAddress, address: IPv4Address, now: datetime) -> Binding | None:
        """Let an address rest because the machine found it in use; None when the machine does not have it."""
        binding = self._by_address.get(int(address))
        holds = binding is not None and binding.mac == mac and binding.state is BindingState.BOUND
        if not holds and self.offered(subnet, mac, now) != address:
            return None
        self.withdraw(subnet, mac)
        resting = Binding(
            address=address,
            subnet=subnet.name,
            mac=mac,
            state=BindingState.DECLINED,
            since=now,
            expires_at=now + self._decline,
        )
        self._keep(resting)
        return resting

    def _claims(self, plan: AddressPlan, mac: MacAddress, wanted: IPv4Address | None) -> Iterator[int]:
        """Addresses that this machine comes before others for, best first."""
        if (reserved := plan.reserved_for(mac)) is not None:
            yield reserved
        if (binding := self._by_client.get((plan.subnet.name, mac))) is not None:
            yield int(binding.address)
        if (offered := self._offered_to.get((plan.subnet.name, mac))) is not None:
            yield offered
        if wanted is not None:
            yield int(wanted)

    def _refusal(self, plan: AddressPlan, mac: MacAddress, address: int, now: datetime) -> str:
        if reason := plan.refusal(mac, address):
            return reason
        binding = self._by_address.get(address)
        if binding is not None and binding.expires_at > now:
            if binding.state is BindingState.DECLINED:
                return f"someone was found on {binding.address}: it rests until {binding.expires_at:%H:%M:%S} UTC"
            if binding.mac != mac:
                return f"{binding.address} is bound to {binding.mac}"
        offer = self._offers.get(address)
        if offer is not None and offer.until > now and offer.mac != mac:
            return f"{IPv4Address(address)} is offered to {offer.mac}"
        return ""

    def _fresh(self, plan: AddressPlan, mac: MacAddress) -> int | None:
        """An address that nobody ever had, near the place in the ranges that the MAC points to."""
        if plan.subnet.name in self._all_used or not plan.size:
            return None
        start = zlib.crc32(mac.encode()) % plan.size
        for step in range(plan.size):
            address = plan.nth((start + step) % plan.size)
            if address not in self._by_address and address not in self._offers and not plan.refusal(mac, address):
                return address
        self._all_used.add(plan.subnet.name)  # until an offer lapses, a binding is forgotten or the plan changes
        return None

    def _longest_expired(self, plan: AddressPlan, mac: MacAddress, now: datetime) -> int | None:
        """The address whose binding expired first. It leaves the heap, and comes back when it is granted or refused."""
        heap = self._expiring[plan.subnet.name]
        while heap and heap[0][0] <= now:
            expires_at, address = heappop(heap)
            if self._is_newest(address, expires_at) and not self._refusal(plan, mac, address, now):
                return address
        return None

    def _is_newest(self, address: int, expires_at: datetime) -> bool:
        binding = self._by_address.get(address)
        return binding is not None and binding.expires_at == expires_at

    def _keep(self, binding: Binding) -> None:
        """Make a binding the newest of its address and, unless it is a resting one, of its machine."""
        number, client = int(binding.address), (binding.subnet, binding.mac)
        before = self._by_address.get(number)
        if before is not None and self._by_client.get((before.subnet, before.mac)) is before:
            del self._by_client[before.subnet, before.mac]
        self._by_address[number] = binding
        if binding.state is not BindingState.DECLINED:
            self._by_client[client] = binding
        self._push(binding)

    def _forget(self, binding: Binding) -> None:
        """Drop the binding of a machine that moved to another address."""
        self._by_address.pop(int(binding.address), None)
        self._by_client.pop((binding.subnet, binding.mac), None)
        self._all_used.discard(binding.subnet)

    def _push(self, binding: Binding) -> None:
        heap = self._expiring.setdefault(binding.subnet, [])
        heappush(heap, (binding.expires_at, int(binding.address)))
        if len(heap) > max(_HEAP_LEAST, _HEAP_SLACK * len(self._by_address)):
            self._refill(binding.subnet)

    def _refill(self, subnet: str) -> None:
        """Build the heap of a subnet anew, from the bindings as they are."""
        heap = [(b.expires_at, number) for number, b in self._by_address.items() if b.subnet == subnet]
        heapify(heap)
        self._expiring[subnet] = heap

    def _drop_old_offers(self, now: datetime) -> None:
        """Forget offers that nobody took up; they stand in order of time."""
        while self._offers:
            number = next(iter(self._offers))
            if self._offers[number].until > now:
                return
            self._drop_offer(number)

    def _drop_offer(self, number: int) -> None:
        offer = self._offers.pop(number)
        self._offered_to.pop((offer.subnet, offer.mac), None)
        self._all_used.discard(offer.subnet)
        if (binding := self._by_address.get(number)) is not None:
            self._push(binding)

    def _plan(self, subnet: Subnet) -> AddressPlan:
        """The plan of a subnet; one that changed gets a new plan, and what depended on the old one is undone."""
        plan = self._plans.get(subnet.name)
        if plan is None or (plan.subnet is not subnet and plan.subnet != subnet):
            plan = self._plans[subnet.name] = AddressPlan(subnet)
            self._all_used.discard(subnet.name)
            self._refill(subnet.name)
        return plan
