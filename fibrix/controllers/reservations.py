"""Reservations of addresses: checked against their subnet, stored, handed to the rack."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from fibrix.controllers.networks import NetworkBook
from fibrix.controllers.ports import Store, Unit
from fibrix.controllers.quotas import check_reservation
from fibrix.domain.network import Reservation
from fibrix.domain.network_kept import KeptSubnet
from fibrix.domain.network_reader import refuse
from fibrix.domain.network_rules import reservation_faults
from fibrix.domain.network_text import client_of, options_of, reservation_of
from fibrix.domain.network_use import Occupants, next_address
from fibrix.domain.ports.leases import LeaseBook
from fibrix.domain.ports.networks import ReservationChanges, ReservationSpec
from fibrix.errors import ConflictError, InvalidError, NotFoundError
from fibrix.events.network import ReservationAdded, ReservationDeleted, ReservationUpdated
from fibrix.types import parse_mac


class ReservationController:
    """Fits `domain.ports.networks.Reservations`."""

    def __init__(
        self,
        store: Store,
        book: NetworkBook,
        leases: LeaseBook,
        refresh: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._book = book
        self._leases = leases
        self._refresh = refresh
        self._now = now

    def all(self, subnet: str) -> Sequence[Reservation]:
        """Those of a subnet, by address. Raises NotFoundError."""
        return self._book.get(subnet).reservations

    def get(self, subnet: str, client: str) -> Reservation:
        """One of them, by MAC, by `id:` and identifier, or by address. Raises NotFoundError."""
        wanted = client.lower()
        with suppress(InvalidError):
            wanted = str(parse_mac(client))
        for one in self.all(subnet):
            if wanted in (one.client, str(one.address)):
                return one
        raise NotFoundError(f"in subnet {subnet} nothing is reserved for {client}")

    async def add(self, subnet: str, spec: ReservationSpec) -> Reservation:
        """Keep an address. Raises NotFoundError, InvalidError, ConflictError, QuotaError (of its machine's tenant)."""
        client = client_of(spec.mac, spec.client_id)
        kept = self._book.get(subnet).kept
        bindings = self._leases.bindings(subnet)

        def work(unit: Unit) -> Reservation:
            address = spec.address
            if not address:
                present = unit.reservations(subnet)
                occupants = Occupants(reservations=present, bindings=bindings, machines=unit.machines())
                found = next_address(kept, occupants, spec.where, self._now())
                if found is None:
                    raise ConflictError(f"no address of {subnet} is free {spec.where.value} its dynamic ranges")
                address = str(found)
            made = reservation_of(client, address, spec.hostname, spec.options)
            self._check(unit, kept, made)
            unit.insert_reservation(subnet, made)
            event = ReservationAdded(
                at=self._now(), subnet=subnet, mac=made.mac, client_id=made.client_id, address=address
            )
            unit.append(event)
            return made

        made = await self._store.change(work)
        self._refresh()
        return made

    async def update(self, subnet: str, client: str, changes: ReservationChanges) -> Reservation:
        """Change one. Raises NotFoundError, InvalidError, ConflictError, QuotaError."""
        before, kept = self.get(subnet, client), self._book.get(subnet).kept
        after = reservation_of(
            (before.mac, before.client_id),
            str(before.address) if changes.address is None else changes.address,
            before.hostname if changes.hostname is None else changes.hostname,
            options_of(before.options) if changes.options is None else changes.options,
        )
        fields = tuple(f for f in ("address", "hostname", "options") if getattr(before, f) != getattr(after, f))
        if not fields:
            return before

        def work(unit: Unit) -> None:
            self._check(unit, kept, after)
            unit.update_reservation(subnet, after)
            address = str(after.address)
            event = ReservationUpdated(
                at=self._now(),
                subnet=subnet,
                mac=after.mac,
                client_id=after.client_id,
                address=address,
                fields=fields,
            )
            unit.append(event)

        await self._store.change(work)
        self._refresh()
        return after

    async def delete(self, subnet: str, client: str) -> None:
        """Give the address back. Raises NotFoundError."""
        gone = self.get(subnet, client)

        def work(unit: Unit) -> None:
            unit.delete_reservation(subnet, gone.client)
            unit.append(ReservationDeleted(at=self._now(), subnet=subnet, mac=gone.mac, client_id=gone.client_id))

        await self._store.change(work)
        self._refresh()

    def _check(self, unit: Unit, kept: KeptSubnet, reservation: Reservation) -> None:
        """Refuse what the subnet or a quota does not allow. Raises InvalidError, QuotaError."""
        refuse(list(reservation_faults(kept, reservation)))
        owner = self._store.by_mac(reservation.mac) if reservation.mac else None
        if owner is not None:
            check_reservation(unit, unit.machine(owner.id), reservation)
