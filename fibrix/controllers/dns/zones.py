"""Zones and keys as the API commands them: stored first, then published."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import asdict, replace

from fibrix.controllers.dns.keeper import ZoneKeeper
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.dns import Secondary
from fibrix.domain.ports.dns import DnsKeySpec, DnsZoneEdit, DnsZoneSpec, DnsZoneStatus, SecondarySpec
from fibrix.domain.zones.contents import begun
from fibrix.domain.zones.names import check_name
from fibrix.domain.zones.plan import PlannedZone
from fibrix.domain.zones.rules import checked_zone
from fibrix.domain.zones.things import DnsKey, DnsZone
from fibrix.domain.zones.values import key_octets
from fibrix.errors import ConflictError, InvalidError, NotFoundError
from fibrix.events.dns import DnsKeyAdded, DnsKeyDeleted, DnsZoneAdded, DnsZoneDeleted, DnsZoneUpdated
from fibrix.runtime.scope import rehearsal

_SECRET_OCTETS: Final = 32
_KEPT: Final = frozenset({"created_at", "revision"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsDesk:
    """What the commands about DNS have in common."""

    store: Store
    keeper: ZoneKeeper
    look_again: Callable[[], Awaitable[None]]  # publish whatever may have changed
    now: Callable[[], datetime]
    draw: Callable[[int], int]
    octets: Callable[[int], bytes]  # so many that nobody can guess

    def zone(self, name: str) -> PlannedZone:
        """Find a zone. Raises NotFoundError."""
        found = self.keeper.planned().get(name.lower().removesuffix("."))
        if found is None:
            raise NotFoundError(f"there is no zone {name!r} here")
        return found

    async def publish(self) -> None:
        """Have everything served as it is stored now; a rehearsal stored nothing."""
        if rehearsal() is None:
            await self.look_again()


class ZoneCommands:
    """The part of `domain.ports.dns.Dns` that is about zones."""

    def __init__(self, desk: DnsDesk) -> None:
        self._desk = desk

    def zones(self) -> Sequence[PlannedZone]:
        """All zones, by name."""
        return tuple(self._desk.keeper.planned().values())

    def zone(self, name: str) -> PlannedZone:
        """One of them. Raises NotFoundError."""
        return self._desk.zone(name)

    def status(self, name: str) -> DnsZoneStatus:
        """How it is served. Raises NotFoundError."""
        planned = self._desk.zone(name)
        snapshot = self._desk.keeper.snapshot
        served = snapshot.zones.get(planned.name) or begun(planned, 0)
        return DnsZoneStatus(
            serial=served.serial,
            primary=planned.authority.primary,
            mailbox=planned.authority.mailbox,
            name_servers=tuple(one.value for one in planned.own[planned.name] if one.type == "NS"),
            names=len(served.records),
            records=sum(map(len, served.records.values())),
            changes=len(served.changes),
            oldest=served.changes[0].before if served.changes else 0,
        )

    async def add_zone(self, spec: DnsZoneSpec) -> PlannedZone:
        """Declare one. Raises InvalidError, ConflictError, StoreError."""
        fields = asdict(spec) | {"secondaries": self._secondaries(spec.secondaries)}
        zone = checked_zone(DnsZone(created_at=self._desk.now(), **fields))

        def work(unit: Unit) -> None:
            if unit.of(DnsZone).by_key(zone.name) is not None:
                raise ConflictError(f"the zone {zone.name} is declared already: edit it instead")
            _check_keys(unit, zone)
            unit.of(DnsZone).insert(zone)
            unit.append(DnsZoneAdded(at=self._desk.now(), zone=zone.name))

        await self._desk.store.change(work)
        await self._desk.publish()
        return self._shown(zone)

    async def edit_zone(self, name: str, edit: DnsZoneEdit) -> PlannedZone:
        """Change one that was declared. Raises NotFoundError, InvalidError, ConflictError, StoreError."""
        declared = self._declared(name)
        given: dict[str, Any] = {field: value for field, value in asdict(edit).items() if value is not UNSET}
        if edit.secondaries is not UNSET:
            given["secondaries"] = self._secondaries(edit.secondaries)

        def work(unit: Unit) -> DnsZone:
            before = unit.of(DnsZone).read(declared)
            after = checked_zone(replace(before, **given))
            fields = tuple(
                one
                for one in before.__struct_fields__
                if one not in _KEPT and getattr(before, one) != getattr(after, one)
            )
            if not fields:
                return before
            _check_keys(unit, after)
            after = replace(after, revision=before.revision + 1)
            unit.of(DnsZone).update(after)
            unit.append(DnsZoneUpdated(at=self._desk.now(), zone=after.name, fields=fields))
            return after

        after = await self._desk.store.change(work)
        await self._desk.publish()
        return self._shown(after)

    async def delete_zone(self, name: str) -> None:
        """Remove one with the records that were added to it. Raises NotFoundError, ConflictError, StoreError."""
        declared = self._declared(name)

        def work(unit: Unit) -> None:
            unit.of(DnsZone).delete(declared)
            records = unit.delete_records_of(declared)
            unit.append(DnsZoneDeleted(at=self._desk.now(), zone=declared, records=records))

        await self._desk.store.change(work)
        await self._desk.publish()

    def _declared(self, name: str) -> str:
        """Name a zone that was declared. Raises NotFoundError, ConflictError."""
        found = self._desk.zone(name)
        if found.automatic:
            raise ConflictError(
                f"{found.name} is there by itself, for the subnets {', '.join(found.subnets)}: declare a zone of this"
                " name to have it otherwise"
            )
        return found.name

    def _shown(self, zone: DnsZone) -> PlannedZone:
        """Show a zone that was stored, or would have been."""
        planned = self._desk.keeper.planned()
        return planned.get(zone.name) or self._desk.keeper.planned_with(zone)

    def _secondaries(self, given: Sequence[SecondarySpec]) -> tuple[Secondary, ...]:
        """Read secondaries. Raises InvalidError."""
        found = []
        for number, one in enumerate(given):
            try:
                address = IPv4Address(one.address)
            except AddressValueError as exc:
                raise InvalidError(f"not an IPv4 address: {exc}", pointer=f"/secondaries/{number}/address") from exc
            found.append(Secondary(address=address, port=one.port, key=one.key.lower()))
        return tuple(found)


class KeyCommands:
    """The part of `domain.ports.dns.Dns` that is about TSIG keys."""

    def __init__(self, desk: DnsDesk) -> None:
        self._desk = desk

    def keys(self) -> Sequence[DnsKey]:
        """All keys, by name."""
        return sorted(self._desk.store.of(DnsKey).all(), key=lambda key: key.name)

    def key(self, name: str) -> DnsKey:
        """One of them. Raises NotFoundError."""
        return self._desk.store.of(DnsKey).get(name.lower())

    async def add_key(self, spec: DnsKeySpec) -> tuple[DnsKey, str]:
        """Store one; gives its secret in base64 too. Raises InvalidError, ConflictError, StoreError."""
        secret = spec.secret or base64.b64encode(self._desk.octets(_SECRET_OCTETS)).decode()
        key_octets(secret)
        name = check_name(spec.name, pointer="/name")
        key = DnsKey(name=name, algorithm=spec.algorithm.value, created_at=self._desk.now())

        def work(unit: Unit) -> None:
            if unit.of(DnsKey).by_key(name) is not None:
                raise ConflictError(f"there is a DNS key {name!r} already: delete it, or choose another name")
            unit.of(DnsKey).insert(key)
            unit.seal_secret(key.secret_owner, secret)
            unit.append(DnsKeyAdded(at=self._desk.now(), name=name))

        await self._desk.store.change(work)
        await self._desk.publish()
        return key, secret

    async def delete_key(self, name: str) -> None:
        """Forget one. Raises NotFoundError, ConflictError (a secondary signs with it), StoreError."""
        key = self.key(name)

        def work(unit: Unit) -> None:
            users = [zone.name for zone in unit.of(DnsZone).all() if any(s.key == key.name for s in zone.secondaries)]
            if users:
                raise ConflictError(f"secondaries of {', '.join(users)} sign with {key.name}: take it from them first")
            unit.of(DnsKey).delete(key.id)
            unit.forget_secret(key.secret_owner)
            unit.append(DnsKeyDeleted(at=self._desk.now(), name=key.name))

        await self._desk.store.change(work)
        await self._desk.publish()


def _check_keys(unit: Unit, zone: DnsZone) -> None:
    """Refuse a secondary whose key is not there. Raises InvalidError."""
    for number, secondary in enumerate(zone.secondaries):
        if secondary.key and unit.of(DnsKey).by_key(secondary.key) is None:
            words = f"there is no DNS key {secondary.key!r}: `fibrix dns keys add {secondary.key}`"
            raise InvalidError(words, pointer=f"/secondaries/{number}/key")
