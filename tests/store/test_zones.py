"""Zones, records and keys across a restart: what a secondary was told stays told."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.domain.dns import Authority, Record, Zone, ZoneChange
from fibrix.domain.zones.things import DnsKey, ZoneRecord
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.region import open_region
from tests.domain.build import T0

SOA = Authority(primary="ns.a.example", mailbox="hostmaster.a.example")


def a(name: str, value: str, ttl: int = 300) -> Record:
    return Record(name=f"{name}.a.example", type="A", ttl=ttl, value=value)


def steps(count: int) -> list[tuple[Zone, ZoneChange]]:
    """A zone that begins with one name; each further step moves it to another address."""
    first = a("www", "192.0.2.0")
    zone = Zone(name="a.example", serial=1, authority=SOA, records={first.name: (first,)})
    made = [(zone, ZoneChange(before=0, after=1, added=(first,)))]
    for n in range(1, count):
        new = a("www", f"192.0.2.{n}")
        change = ZoneChange(before=zone.serial, after=zone.serial + 1, removed=zone.records[new.name], added=(new,))
        changes = (*zone.changes, change)[-3:]
        zone = replace(zone, serial=change.after, records={new.name: (new,)}, changes=changes)
        made.append((zone, change))
    return made


async def test_a_zone_is_as_it_was_with_its_serial_and_its_newest_changes(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        for zone, change in steps(6):
            await region.change(lambda unit, z=zone, c=change: unit.publish_zone(z, c))  # type: ignore[misc]
        before = region.served.all()["a.example"]
    async with open_region(tmp_path, Bus()) as region:
        assert region.served.all() == {"a.example": before}
        assert before.serial == 6
        assert [change.after for change in before.changes] == [4, 5, 6]
        other = replace(before, secondaries=())
        await region.change(lambda unit: unit.publish_zone(other, None))
        assert region.served.all()["a.example"] is other
        await region.change(lambda unit: unit.withdraw_zone("a.example"))
        assert region.served.all() == {}
    async with open_region(tmp_path, Bus()) as region:
        assert region.served.all() == {}
        assert region.served.serial_of("a.example") == 6
        assert region.served.serial_of("never.example") == 0


async def test_what_is_not_committed_is_not_served(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        zone, change = steps(1)[0]

        def work(unit: object) -> None:
            unit.publish_zone(zone, change)  # type: ignore[attr-defined]
            raise ConflictError("no")

        with pytest.raises(ConflictError):
            await region.change(work)
        assert region.served.all() == {}


async def test_added_records_are_found_by_name_and_by_id(tmp_path: Path) -> None:
    one = ZoneRecord(id="d1", zone="a.example", name="www.a.example", type="A", value="192.0.2.1")
    other = ZoneRecord(id="d2", zone="a.example", name="www.a.example", type="TXT", ttl=0, value='"x"')
    async with open_region(tmp_path, Bus()) as region:
        for record in (one, other):
            await region.change(lambda unit, r=record: unit.insert_record(r))  # type: ignore[misc]
        with pytest.raises(ConflictError):
            await region.change(lambda unit: unit.insert_record(replace(one, id="d3")))
    async with open_region(tmp_path, Bus()) as region:
        records = region.zone_records
        assert set(records.at("a.example", "www.a.example")) == {one, other}
        assert await region.change(lambda unit: unit.delete_record("d1")) == one
        with pytest.raises(NotFoundError):
            records.get("a.example", "d1")
        with pytest.raises(NotFoundError):
            records.get("b.example", "d2")
        assert records.get("a.example", "d2") == other
        assert await region.change(lambda unit: unit.delete_records_of("a.example")) == 1
        assert list(records.owners("a.example")) == []


async def test_the_secret_of_a_key_is_sealed(tmp_path: Path) -> None:
    key = DnsKey(name="transfer", created_at=T0)
    async with open_region(tmp_path, Bus()) as region:
        await region.change(lambda unit: unit.of(DnsKey).insert(key))
        await region.change(lambda unit: unit.seal_secret(key.secret_owner, "c2VjcmV0"))
    assert b"c2VjcmV0" not in (tmp_path / "region.db").read_bytes()
    async with open_region(tmp_path, Bus()) as region:
        assert region.secret(key.secret_owner) == "c2VjcmV0"
