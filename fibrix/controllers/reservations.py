"""Reservations of addresses: checked against their subnet, stored, handed to the rack."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from fibrix.controllers.ports import Store, Unit
from fibrix.controllers.quotas import check_reservation
from fibrix.domain.network import Reservation, Subnet
from fibrix.domain.ports.networks import SubnetUse
from fibrix.errors import InvalidError, NotFoundError
from fibrix.events.controller import ReservationAdded, ReservationDeleted
from fibrix.types import MacAddress


class NetworkController:
    """Fits `domain.ports.networks.Networks`."""

    def __init__(
        self,
        subnets: tuple[Subnet, ...],
        store: Store,
        use: Callable[[str], SubnetUse | None],
        refresh: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._subnets = {s.name: s for s in subnets}
        self._store = store
        self._use = use
        self._refresh = refresh
        self._now = now

    def subnets(self) -> Sequence[Subnet]:
        """All subnets with their reservations, in the order of the configuration."""
        return [replace(s, reservations=tuple(self._store.reservations(s.name))) for s in self._subnets.values()]

    def use(self, subnet: str) -> SubnetUse | None:
        """How full its ranges are. Raises NotFoundError."""
        return self._use(self._find(subnet).name)

    async def reserve(self, subnet: str, reservation: Reservation) -> Reservation:
        """Keep an address for a MAC. Raises NotFoundError, InvalidError, ConflictError, QuotaError (of its tenant)."""
        found = self._find(subnet)
        if reservation.address not in found.network or reservation.address in (
            found.network.network_address,
            found.network.broadcast_address,
            found.address,
        ):
            raise InvalidError(
                f"{reservation.address} cannot be a client's address on {subnet} ({found.network})", pointer="/address"
            )

        owner = self._store.by_mac(reservation.mac)

        def work(unit: Unit) -> None:
            if owner is not None:
                check_reservation(unit, unit.machine(owner.id), reservation)
            unit.insert_reservation(subnet, reservation)
            address = str(reservation.address)
            unit.append(ReservationAdded(at=self._now(), subnet=subnet, mac=reservation.mac, address=address))

        await self._store.change(work)
        self._refresh()
        return reservation

    async def unreserve(self, subnet: str, mac: MacAddress) -> None:
        """Give a reserved address back. Raises NotFoundError."""
        self._find(subnet)

        def work(unit: Unit) -> None:
            unit.delete_reservation(subnet, mac)
            unit.append(ReservationDeleted(at=self._now(), subnet=subnet, mac=mac))

        await self._store.change(work)
        self._refresh()

    def _find(self, name: str) -> Subnet:
        if name not in self._subnets:
            raise NotFoundError(f"no subnet is named {name!r}; there are: {', '.join(self._subnets) or 'none'}")
        return self._subnets[name]
