"""Who has which address: the choice of an address for a machine, and what becomes of it.

Bindings are keyed on the MAC, not on the client identifier (which RFC 2131 §4.2 would prefer): boot ROM, iPXE, the
ephemeral OS and the installed system of one machine each send another identifier, and the machine has to keep its
address through all of them.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address
from typing import Final

import msgspec
from msgspec.structs import replace

from fibrix.domain.binding import SECOND_US, Binding, BindingState, Client, moment_of
from fibrix.domain.network import Reservation, Subnet
from fibrix.domain.newcomers import Newcomers
from fibrix.domain.offers import Offer, Offers
from fibrix.domain.pool import Pool
from fibrix.domain.probes import NoProbes, Probes
from fibrix.types import MacAddress

_FEW: Final = 8  # so many offers to strangers are never too many
_NO_PROBES: Final = NoProbes()


class Choice(msgspec.Struct, frozen=True, gc=False):
    """An address, or why there is none."""

    number: int | None
    reason: str = ""

    @property
    def address(self) -> IPv4Address | None:
        """The address."""
        return None if self.number is None else IPv4Address(self.number)


class Leases:
    """All bindings and offers of a rack, in memory. No IO, no clock: `now_us` is UTC in microseconds since 1970.

    Every step takes the same time however many bindings there are. A machine is known when it is in `known`, has a
    reservation, or holds an address; the others are strangers, which never get what known ones need.
    """

    def __init__(
        self, bindings: Iterable[Binding], *, offer_s: int, decline_s: int, probes: Probes | None = None
    ) -> None:
        """`bindings`: what the store has. An offer holds for `offer_s`, a declined address rests for `decline_s`."""
        self.known: Collection[MacAddress] = frozenset()  # machines that the region knows
        self._offer_us = offer_s * SECOND_US
        self._decline_us = decline_s * SECOND_US
        self._probes = probes or _NO_PROBES
        self._by_number: dict[int, Binding] = {}
        self._by_client: dict[tuple[str, MacAddress], Binding] = {}
        self._seen: set[int] = set()  # addresses that rest because the MAC of their binding was seen on them
        self._offers = Offers()
        self._pools: dict[str, Pool] = {}
        self._newcomers = Newcomers(self._holds)
        for binding in bindings:
            self._keep(binding)

    def all(self) -> Collection[Binding]:
        """The newest binding of each address, expired or not."""
        return self._by_number.values()

    def at(self, number: int) -> Binding | None:
        """The newest binding of an address."""
        return self._by_number.get(number)

    def is_offered(self, number: int, now_us: int) -> bool:
        """Whether an address is held for someone."""
        offer = self._offers.get(number)
        return offer is not None and offer.until_us > now_us

    def in_use(self, now_us: int) -> Counter[tuple[str, BindingState]]:
        """Count the bindings that have not expired, by subnet and state."""
        return Counter((b.subnet, b.state) for b in self._by_number.values() if b.until_us > now_us)

    def is_known(self, subnet: Subnet, client: Client, now_us: int) -> bool:
        """Whether a client is no stranger."""
        if client.mac in self.known or self._holds(subnet.name, client.mac, now_us):
            return True
        return self._pool(subnet).plan.reservation(client) is not None

    def offer(self, subnet: Subnet, client: Client, wanted: int | None, now_us: int) -> Choice:
        """Find an address, and hold it for this client for a while. Who is known takes it from a stranger.

        It is the reserved one, the last one, the one asked for, a fresh one, or the longest expired one. The fresh one
        depends on the MAC alone as long as it is free, so that a lost store changes few addresses.
        """
        pool, client_key = self._ready(subnet, now_us), (subnet.name, client.mac)
        reservation, binding = pool.plan.reservation(client), self._by_client.get(client_key)
        before = self._offers.of(client_key)
        holds = binding is not None and binding.until_us > now_us
        known = holds or reservation is not None or client.mac in self.known
        if not known and before is None and (reason := self._newcomers.refusal(pool, self.known, now_us)):
            return Choice(None, reason)
        claims = [] if reservation is None else [int(reservation.address)]
        claims += [one.number for one in (binding, before) if one is not None]
        number = self._best(pool, client, claims, wanted, now_us)
        if number is None and self._give_way(pool, known=known):
            number = self._best(pool, client, claims, wanted, now_us)
        if number is None:
            return Choice(None, f"all {pool.plan.size} addresses of the ranges of {subnet.name} are in use")
        self._hold(pool, client, number, now_us, stranger=not known)
        return Choice(number)

    def refusal(self, subnet: Subnet, client: Client, number: int, now_us: int) -> str:
        """Why this client may not be given this address now; empty when it may."""
        pool = self._ready(subnet, now_us)
        if reason := self._refusal(pool, client, number, now_us):
            return reason
        offer = self._offers.of((subnet.name, client.mac))
        promised = offer is not None and offer.number == number
        if promised or self.is_known(subnet, client, now_us):
            return ""
        return self._newcomers.refusal(pool, self.known, now_us)

    def expects(self, subnet: str, mac: MacAddress) -> bool:
        """Whether a machine has, had or was offered an address of a subnet."""
        return (subnet, mac) in self._by_client or self._offers.of((subnet, mac)) is not None

    def reservation(self, subnet: Subnet, client: Client) -> Reservation | None:
        """What is reserved for this client."""
        return self._pool(subnet).plan.reservation(client)

    def reserved(self, subnet: Subnet, client: Client, now_us: int) -> int | None:
        """The address that is reserved for this client, if nobody sits on it."""
        pool = self._pool(subnet)
        reservation = pool.plan.reservation(client)
        if reservation is None or self._refusal(pool, client, int(reservation.address), now_us):
            return None
        return int(reservation.address)

    def binding(self, subnet: Subnet, mac: MacAddress) -> Binding | None:
        """The last binding of this machine, expired or not."""
        self._pool(subnet)
        return self._by_client.get((subnet.name, mac))

    def offered(self, subnet: Subnet, mac: MacAddress, now_us: int) -> int | None:
        """The address that is held for this machine."""
        self._drop_lapsed(now_us)
        offer = self._offers.of((subnet.name, mac))
        return None if offer is None else offer.number

    def withdraw(self, subnet: Subnet, mac: MacAddress) -> None:
        """Take back what is offered to this machine, if anything."""
        offer = self._offers.of((subnet.name, mac))
        if offer is not None:
            self._drop(offer)

    def grant(self, subnet: Subnet, client: Client, number: int, hostname: str, now_us: int) -> Binding:
        """Bind an address that `refusal` has nothing against for `subnet.lease_s` from now."""
        self.withdraw(subnet, client.mac)
        if (offer := self._offers.get(number)) is not None:
            self._drop(offer)  # to someone who came later, while this client's was taken back
        before = self._by_client.get((subnet.name, client.mac))
        left = 0
        if before is not None and before.number != number:
            left = before.number
            self._forget(before)
            before = None
        same = before is not None and before.state is BindingState.BOUND
        binding = Binding(
            number=number,
            subnet=subnet.name,
            mac=client.mac,
            state=BindingState.BOUND,
            hostname=hostname,
            since_us=before.since_us if before is not None and same else now_us,
            until_us=now_us + subnet.lease_s * SECOND_US,
            left=left,
        )
        self._keep(binding)
        return binding

    def release(self, mac: MacAddress, number: int, now_us: int) -> Binding | None:
        """End a binding; None when this machine does not have this address."""
        binding = self._by_number.get(number)
        if binding is None or binding.mac != mac or binding.state is not BindingState.BOUND:
            return None
        released = replace(binding, state=BindingState.RELEASED, until_us=min(now_us, binding.until_us))
        self._keep(released)
        return released

    def decline(self, subnet: Subnet, mac: MacAddress, number: int, now_us: int) -> Binding | None:
        """Let an address rest because the machine found it in use; None when the machine does not have it."""
        binding = self._by_number.get(number)
        holds = binding is not None and binding.mac == mac and binding.state is BindingState.BOUND
        if not holds and self.offered(subnet, mac, now_us) != number:
            return None
        self.withdraw(subnet, mac)
        return self.quarantine(subnet, mac, number, now_us)

    def quarantine(self, subnet: Subnet, mac: MacAddress, number: int, now_us: int, *, seen: bool = False) -> Binding:
        """Let an address rest that `mac` saw someone on, or, `seen`, that `mac` itself was seen on: it may have it."""
        resting = Binding(
            number=number,
            subnet=subnet.name,
            mac=mac,
            state=BindingState.DECLINED,
            since_us=now_us,
            until_us=now_us + self._decline_us,
        )
        self._keep(resting)
        if seen:
            self._seen.add(number)
        return resting

    def shift(self, by_us: int) -> None:
        """Move all times on a clock that was set: every lease runs as long as its client was told."""
        bindings, seen = [binding.shifted(by_us) for binding in self._by_number.values()], set(self._seen)
        self._by_number.clear()
        self._by_client.clear()
        self._pools.clear()
        self._newcomers.clear()
        self._offers.shift(by_us)
        for binding in bindings:
            self._keep(binding)
        self._seen = seen

    def _holds(self, subnet: str, mac: MacAddress, now_us: int) -> bool:
        """Whether a machine has an address of a subnet now."""
        binding = self._by_client.get((subnet, mac))
        return binding is not None and binding.until_us > now_us

    def _best(self, pool: Pool, client: Client, claims: Iterable[int], wanted: int | None, now_us: int) -> int | None:
        """The best address that a client may be offered. `claims`: those that it comes before others for."""
        for number in claims:
            if not self._refusal(pool, client, number, now_us):
                return number
        if wanted is not None and not self._refusal(pool, client, wanted, now_us):
            return wanted
        probes = self._probes if pool.plan.subnet.probe else _NO_PROBES
        return pool.for_newcomer(client.mac, probes.clear_of)

    def _hold(self, pool: Pool, client: Client, number: int, now_us: int, *, stranger: bool) -> None:
        """Keep an address for a client, and nothing else, for a while."""
        subnet = pool.plan.subnet
        self.withdraw(subnet, client.mac)
        if stranger and (many := self._offers.to_strangers(subnet.name)) >= _FEW and many >= self._free(pool) // 2:
            self._take_back(pool)
        if (before := self._offers.get(number)) is not None:
            self._offers.drop(before)
        self._offers.add(Offer(number, subnet.name, client.mac, now_us + self._offer_us, stranger))
        pool.offered(number)

    def _refusal(self, pool: Pool, client: Client, number: int, now_us: int) -> str:
        if reason := pool.plan.refusal(client, number):
            return reason
        binding = self._by_number.get(number)
        if binding is not None and binding.until_us > now_us:
            if binding.state is BindingState.DECLINED:
                if number in self._seen and binding.mac == client.mac:
                    return ""  # what was found on it is this machine: its lease is older than our memory
                until = moment_of(binding.until_us)
                return f"someone was found on {binding.address}: it rests until {until:%H:%M:%S} UTC"
            if binding.mac != client.mac and not pool.plan.is_owner(client, number):
                return f"{binding.address} is bound to {binding.mac}"
        return self._promised(pool, client, number, now_us)

    def _promised(self, pool: Pool, client: Client, number: int, now_us: int) -> str:
        """To whom else an address is offered; empty when to nobody who comes before this client."""
        offer = self._offers.get(number)
        if offer is None or offer.until_us <= now_us or offer.mac == client.mac or pool.plan.is_owner(client, number):
            return ""
        if offer.stranger and self._offers.was_offered(offer.subnet, client.mac, number, now_us):
            return ""
        return f"{IPv4Address(number)} is offered to {offer.mac}"

    def _free(self, pool: Pool) -> int:
        return pool.plan.usable - pool.live

    def _give_way(self, pool: Pool, *, known: bool) -> bool:
        """Take an offer back from a stranger when nothing else is left; for another stranger only if they have many."""
        return (known or self._offers.to_strangers(pool.plan.subnet.name) > _FEW) and self._take_back(pool)

    def _take_back(self, pool: Pool) -> bool:
        offer = self._offers.take_back(pool.plan.subnet.name)
        if offer is not None:
            self._lapse(offer)
        return offer is not None

    def _keep(self, binding: Binding) -> None:
        """Make a binding the newest of its address and, unless it is a resting one, of its machine."""
        number, client = binding.number, (binding.subnet, binding.mac)
        before = self._by_number.get(number)
        if before is not None and self._by_client.get((before.subnet, before.mac)) is before:
            del self._by_client[before.subnet, before.mac]
        self._by_number[number] = binding
        self._seen.discard(number)
        if binding.state is not BindingState.DECLINED:
            self._by_client[client] = binding
        if (pool := self._pools.get(binding.subnet)) is not None:
            pool.keep(binding)

    def _forget(self, binding: Binding) -> None:
        """Drop the binding of a machine that moved to another address."""
        self._by_number.pop(binding.number, None)
        self._by_client.pop((binding.subnet, binding.mac), None)
        if (pool := self._pools.get(binding.subnet)) is not None:
            pool.forget(binding.number)

    def _drop_lapsed(self, now_us: int) -> None:
        for offer in self._offers.lapsed(now_us):
            self._lapse(offer)

    def _drop(self, offer: Offer) -> None:
        """Hold an address no longer."""
        self._offers.drop(offer)
        self._lapse(offer)

    def _lapse(self, offer: Offer) -> None:
        if (pool := self._pools.get(offer.subnet)) is not None:
            pool.lapsed(offer.number)

    def _ready(self, subnet: Subnet, now_us: int) -> Pool:
        """The pool of a subnet as it is now."""
        self._drop_lapsed(now_us)
        pool = self._pool(subnet)
        pool.expire(now_us)
        return pool

    def _pool(self, subnet: Subnet) -> Pool:
        """The pool of a subnet; one that changed gets a new one, with all bindings of its network."""
        pool = self._pools.get(subnet.name)
        if pool is None or (pool.plan.subnet is not subnet and pool.plan.subnet != subnet):
            first, last = int(subnet.network.network_address), int(subnet.network.broadcast_address)
            inside = [binding for binding in self._by_number.values() if first <= binding.number <= last]
            for binding in inside:
                if binding.subnet != subnet.name:
                    self._by_client.pop((binding.subnet, binding.mac), None)
                    self._keep(replace(binding, subnet=subnet.name))
            bindings = [self._by_number[binding.number] for binding in inside]
            pool = self._pools[subnet.name] = Pool(subnet, bindings, self._offers.within(subnet.name))
        return pool
