"""Address management: how full subnets are, who holds which address, which one is free."""

from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import IPv4Address

from fibrix.controllers.networks import NetworkBook
from fibrix.controllers.ports import Store
from fibrix.domain.network_rules import serves
from fibrix.domain.network_use import Hold, Holder, Occupants, SubnetUse, Where, holders, next_address, use
from fibrix.domain.ports.leases import LeaseBook
from fibrix.domain.ports.networks import Held, Lease, Listed
from fibrix.errors import InvalidError, NotFoundError


class AddressController:
    """Fits `domain.ports.networks.Addresses`."""

    def __init__(self, store: Store, book: NetworkBook, leases: LeaseBook, now: Callable[[], datetime]) -> None:
        self._store = store
        self._book = book
        self._leases = leases
        self.now = now

    def use(self, subnet: str) -> SubnetUse | None:
        """How full it is; None where no rack keeps bindings, or it gives no addresses. Raises NotFoundError."""
        listed = self._book.get(subnet)
        if not self._leases.kept or listed.fault or not serves(listed.subnet):
            return None
        return use(listed.kept, self._occupants(listed), self.now())

    def next(self, subnet: str, where: Where) -> IPv4Address:
        """The next free address. Raises NotFoundError (also: there is none)."""
        listed = self._book.get(subnet)
        found = next_address(listed.kept, self._occupants(listed), where, self.now())
        if found is None:
            raise NotFoundError(f"no address of {subnet} is free {where.value} its dynamic ranges")
        return found

    def leases(self) -> Sequence[Lease]:
        """All bindings of the rack, by address."""
        ordered = sorted(self._leases.bindings(), key=lambda binding: int(binding.address))
        return [Lease(binding=one, machine=self._store.by_mac(one.mac)) for one in ordered]

    def held(self, address: str) -> Held:
        """Who holds an address. Raises InvalidError."""
        try:
            wanted = IPv4Address(address)
        except ValueError as exc:
            raise InvalidError(f"not an IPv4 address: {exc}") from exc
        for listed in self._book.all():
            if wanted in listed.subnet.network:
                found = tuple(holders(listed.kept, self._occupants(listed), wanted, self.now()))
                return Held(address=wanted, subnet=listed.kept.name, holders=found)
        elsewhere = tuple(
            Holder(kind=Hold.MACHINE, detail=f"{m.name} leased it last", hostname=m.name, machine=m.id)
            for m in self._store.machines()
            if m.address == str(wanted)
        )
        return Held(address=wanted, subnet="", holders=elsewhere)

    def _occupants(self, listed: Listed) -> Occupants:
        network = listed.subnet.network
        machines = [m for m in self._store.machines() if m.address and IPv4Address(m.address) in network]
        bindings = self._leases.bindings(listed.kept.name)
        return Occupants(reservations=listed.reservations, bindings=bindings, machines=machines)
