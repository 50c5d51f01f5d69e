"""Subnets that the API makes, changes and removes: checked against all others, stored, handed to the rack."""

from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import IPv4Address

from msgspec.structs import replace

from fibrix.controllers.networks import NetworkBook
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.binding import Binding
from fibrix.domain.network_foresee import changed_fields, subnet_changed
from fibrix.domain.network_kept import KeptSubnet
from fibrix.domain.network_reader import refuse
from fibrix.domain.network_rules import reservation_faults
from fibrix.domain.network_spec import RangeSpec, ReservedSpec, SubnetChanges, SubnetSpec
from fibrix.domain.network_text import changed, kept_of, spec_of
from fibrix.domain.network_use import is_live
from fibrix.domain.ports.leases import LeaseBook
from fibrix.domain.ports.networks import Listed
from fibrix.errors import ConflictError, Fault, NotFoundError
from fibrix.events.network import ReservationDeleted, SubnetCreated, SubnetDeleted, SubnetUpdated


class SubnetController:
    """Fits `domain.ports.networks.Networks`."""

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

    def all(self) -> Sequence[Listed]:
        """All subnets: those of the file in its order, then the others by name."""
        return self._book.all()

    def get(self, subnet: str) -> Listed:
        """One of them. Raises NotFoundError."""
        return self._book.get(subnet)

    async def add(self, spec: SubnetSpec) -> Listed:
        """Make one. Raises InvalidError, ConflictError (its name is in use), NotFoundError (its VLAN)."""
        kept = kept_of(spec)
        if kept.name in self._book.declared.names:
            raise ConflictError(f"the configuration file declares a subnet {kept.name!r} already: choose another name")

        def work(unit: Unit) -> Listed:
            unit.of(KeptSubnet).insert(kept)
            self._book.check_in_unit(unit, kept)
            network, mode = str(kept.subnet.network), kept.subnet.mode.value
            unit.append(SubnetCreated(at=self._now(), subnet=kept.name, network=network, mode=mode))
            unit.foresee(lambda: subnet_changed(None, kept))
            return Listed(kept=kept, subnet=kept.subnet, of_file=False)

        return await self._done(kept.name, await self._store.change(work))

    async def update(self, subnet: str, changes: SubnetChanges) -> Listed:
        """Change one. Raises NotFoundError, ConflictError, InvalidError."""
        return await self._change(subnet, lambda before: changed(before, changes))

    async def delete(self, subnet: str, *, force: bool) -> None:
        """Remove one, with its reservations where it is forced. Raises NotFoundError, ConflictError (it is in use)."""
        self._book.get(subnet)
        self._book.refuse_of_file(subnet)
        bindings = self._leases.bindings(subnet)

        def work(unit: Unit) -> None:
            kept = unit.of(KeptSubnet).read(subnet)
            if not force:
                self._refuse_used(unit, kept, bindings)
            now = self._now()
            for one in unit.reservations(subnet):
                unit.delete_reservation(subnet, one.client)
                unit.append(ReservationDeleted(at=now, subnet=subnet, mac=one.mac, client_id=one.client_id))
            unit.of(KeptSubnet).delete(subnet)
            for other in unit.of(KeptSubnet).all():
                if other.subnet.relayed and other.subnet.address == kept.subnet.address:
                    words = f"the relayed subnet {other.name!r} needs the rack's address in {subnet!r}"
                    raise ConflictError(f"{words}: remove it first")
            unit.append(SubnetDeleted(at=now, subnet=subnet))
            unit.foresee(lambda: subnet_changed(kept, None))

        await self._store.change(work)
        self._refresh()

    async def add_range(self, subnet: str, span: RangeSpec | ReservedSpec) -> Listed:
        """Add a dynamic or a reserved range. Raises NotFoundError, ConflictError, InvalidError."""

        def change(before: KeptSubnet) -> KeptSubnet:
            spec = spec_of(before)
            if isinstance(span, ReservedSpec):
                return changed(before, SubnetChanges(reserved=(*spec.reserved, span)))
            return changed(before, SubnetChanges(ranges=(*spec.ranges, span)))

        return await self._change(subnet, change)

    async def delete_range(self, subnet: str, first: str) -> Listed:
        """Remove the range that begins with an address. Raises NotFoundError, ConflictError."""

        def change(before: KeptSubnet) -> KeptSubnet:
            ranges = tuple(span for span in before.subnet.ranges if str(span.first) != first)
            reserved = tuple(span for span in before.reserved if str(span.first) != first)
            if (ranges, reserved) == (before.subnet.ranges, before.reserved):
                raise NotFoundError(f"no range of {subnet} begins with {first!r}")
            return replace(before, subnet=replace(before.subnet, ranges=ranges), reserved=reserved)

        return await self._change(subnet, change)

    async def _change(self, subnet: str, change: Callable[[KeptSubnet], KeptSubnet]) -> Listed:
        """Change one in a unit of its own."""
        self._book.get(subnet)
        self._book.refuse_of_file(subnet)

        def work(unit: Unit) -> Listed:
            before = unit.of(KeptSubnet).read(subnet)
            after = change(before)
            fields = changed_fields(before, after)
            if fields:
                self._book.check_in_unit(unit, after)
                self._refuse_lost(unit, before, after)
                unit.of(KeptSubnet).update(after)
                unit.append(SubnetUpdated(at=self._now(), subnet=subnet, fields=fields))
                unit.foresee(lambda: subnet_changed(before, after))
            return Listed(kept=after, subnet=after.subnet, of_file=False)

        return await self._done(subnet, await self._store.change(work))

    async def _done(self, subnet: str, rehearsed: Listed) -> Listed:
        """Hand the change to the rack. A rehearsal changed nothing that could be shown."""
        self._refresh()
        try:
            return self._book.get(subnet)
        except NotFoundError:
            return rehearsed

    def _refuse_lost(self, unit: Unit, before: KeptSubnet, after: KeptSubnet) -> None:
        """Refuse a change after which a reservation or a relayed subnet would be in the wrong place."""
        found = [
            Fault(f"the reservation of {one.client} is in the way: {fault.detail}")
            for one in unit.reservations(before.name)
            for fault in reservation_faults(after, one)
        ]
        refuse(found)
        moved = before.subnet.address != after.subnet.address or before.subnet.relayed != after.subnet.relayed
        for other in self._book.in_unit(unit) if moved else ():
            if other.subnet.relayed and other.subnet.address == before.subnet.address and other.name != before.name:
                raise ConflictError(f"the relayed subnet {other.name!r} needs {before.subnet.address}: change it first")

    def _refuse_used(self, unit: Unit, kept: KeptSubnet, bindings: Sequence[Binding]) -> None:
        """Raise ConflictError where a subnet is in use."""
        now = self._now()
        machines = [m.name for m in unit.machines() if m.address and IPv4Address(m.address) in kept.subnet.network]
        found = [
            _count(len(machines), "machine"),
            _count(len(unit.reservations(kept.name)), "reservation"),
            _count(sum(is_live(binding, now) for binding in bindings), "lease"),
        ]
        if any(found):
            there = ", ".join(filter(None, found))
            raise ConflictError(f"subnet {kept.name!r} has {there}: remove those first, or force it")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""
