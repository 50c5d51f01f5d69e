"""Which zones there are, what they hold, and how one serial becomes the next."""

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.dns import Record, Secondary, Zone, ZoneChange
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.zones.contents import MOST_CHANGES, at_name, begun, changed
from fibrix.domain.zones.leases import MOST, Lease, Leases
from fibrix.domain.zones.lookup import Outcome, lookup
from fibrix.domain.zones.machine_names import GivenNames, records_of
from fibrix.domain.zones.plan import PlannedZone, plan
from fibrix.domain.zones.reverse import address_name, pointer_name, reverse_zones
from fibrix.domain.zones.serials import is_newer, next_serial
from fibrix.domain.zones.things import DnsZone, ZoneRecord
from fibrix.types import MachineId, parse_mac
from tests.domain.build import T0

OWN = IPv4Address("192.168.1.1")
M1, M2 = MachineId("m1"), MachineId("m2")


def subnet(network: str, domain: str = "rack.example", **fields: Any) -> Subnet:
    mode = fields.pop("mode", SubnetMode.SERVE)
    net = IPv4Network(network)
    return Subnet(name=network, interface="eth1", network=net, address=net[1], mode=mode, domain_name=domain, **fields)


def zone(name: str = "rack.example", **fields: Any) -> DnsZone:
    return DnsZone(name=name, created_at=T0, **fields)


def planned(*subnets: Subnet, zones: tuple[DnsZone, ...] = (zone(),)) -> dict[str, PlannedZone]:
    return plan(zones, subnets, [OWN])


@pytest.mark.parametrize(
    ("network", "zones"),
    [
        ("192.0.2.0/24", ["2.0.192.in-addr.arpa"]),
        ("10.1.0.0/16", ["1.10.in-addr.arpa"]),
        ("10.0.0.0/8", ["10.in-addr.arpa"]),
        ("192.0.2.0/23", ["2.0.192.in-addr.arpa", "3.0.192.in-addr.arpa"]),
        ("10.4.0.0/15", ["4.10.in-addr.arpa", "5.10.in-addr.arpa"]),
        ("192.0.2.128/25", ["128-25.2.0.192.in-addr.arpa"]),
        ("192.0.2.64/29", ["64-29.2.0.192.in-addr.arpa"]),
    ],
)
def test_a_subnet_has_the_reverse_zones_that_it_needs(network: str, zones: list[str]) -> None:
    assert list(reverse_zones(IPv4Network(network))) == zones


@given(st.integers(0, 2**32 - 1), st.integers(8, 30))
def test_every_address_has_its_name_in_one_of_them(address: int, bits: int) -> None:
    network = IPv4Network((address, bits), strict=False)
    name = pointer_name(IPv4Address(address), network)
    assert sum(name.endswith(f".{one}") for one in reverse_zones(network)) == 1
    assert address_name(IPv4Address(address)) == IPv4Address(address).reverse_pointer


def test_zones_of_served_subnets_are_there_by_themselves_and_like_the_forward_one() -> None:
    secondary = Secondary(address=IPv4Address("192.0.2.53"))
    forward = zone(secondaries=(secondary,), ttl=60)
    found = planned(subnet("192.168.1.0/24"), subnet("10.0.0.0/24", mode=SubnetMode.OBSERVE), zones=(forward,))
    assert list(found) == ["1.168.192.in-addr.arpa", "rack.example"]
    reverse = found["1.168.192.in-addr.arpa"]
    assert (reverse.automatic, reverse.ttl, reverse.secondaries) == (True, 60, (secondary,))
    assert reverse.authority.primary == "ns.rack.example"
    assert found["rack.example"].subnets == ("192.168.1.0/24",)
    assert [r.value for r in found["rack.example"].own["ns.rack.example"]] == [str(OWN)]
    declared = planned(subnet("192.168.1.0/24"), zones=(zone("1.168.192.in-addr.arpa", ttl=9),))
    assert not declared["1.168.192.in-addr.arpa"].automatic


def test_a_zone_leads_to_those_below_it() -> None:
    found = planned(subnet("192.168.1.128/25"), zones=(zone(), zone("dc1.rack.example")))
    above = found["rack.example"].own
    assert [r.value for r in above["dc1.rack.example"]] == ["ns.dc1.rack.example"]
    assert [r.value for r in above["ns.dc1.rack.example"]] == [str(OWN)]
    assert [r.value for r in above["rack.example"]] == ["ns.rack.example"]
    parent = found["1.168.192.in-addr.arpa"].own
    assert [r.value for r in parent["128-25.1.168.192.in-addr.arpa"]] == ["ns.rack.example"]


def test_a_machine_has_an_a_and_a_ptr_record_where_there_are_zones_for_them() -> None:
    on = subnet("192.168.1.0/24", "dc1.rack.example")
    found = records_of("web-1", [(IPv4Address("192.168.1.5"), on)], planned(on))
    assert [(r.name, r.type, r.value) for r in found] == [
        ("5.1.168.192.in-addr.arpa", "PTR", "web-1.dc1.rack.example"),
        ("web-1.dc1.rack.example", "A", "192.168.1.5"),
    ]
    assert records_of("web-1", [(IPv4Address("192.168.1.5"), replace(on, domain_name=""))], planned(on)) == ()
    assert [r.type for r in records_of("web-1", [(IPv4Address("192.168.1.5"), on)], planned(on, zones=()))] == ["PTR"]


def test_on_a_long_prefix_the_name_of_an_address_leads_to_its_own_zone() -> None:
    on = subnet("192.168.1.128/25")
    found = records_of("web-1", [(IPv4Address("192.168.1.130"), on)], planned(on))
    assert [(r.name, r.type, r.value) for r in found if r.type != "A"] == [
        ("130.1.168.192.in-addr.arpa", "CNAME", "130.128-25.1.168.192.in-addr.arpa"),
        ("130.128-25.1.168.192.in-addr.arpa", "PTR", "web-1.rack.example"),
    ]
    public = subnet("198.51.101.128/25")  # its parent belongs to whoever gave it
    assert "101.51.198.in-addr.arpa" not in planned(public)


def test_what_people_add_goes_before_what_is_there_by_itself() -> None:
    at = planned()["rack.example"]
    given_a = Record(name="www.rack.example", type="A", ttl=300, value="192.168.1.5")

    def added(kind: str, value: str, ttl: int | None = None) -> ZoneRecord:
        return ZoneRecord(id=value, zone="rack.example", name="www.rack.example", type=kind, value=value, ttl=ttl)

    def held(*records: ZoneRecord) -> list[tuple[str, int, str]]:
        return [(r.type, r.ttl, r.value) for r in at_name("www.rack.example", at, records, [given_a])]

    assert held() == [("A", 300, "192.168.1.5")]
    assert held(added("A", "192.0.2.9")) == [("A", 300, "192.0.2.9")]
    assert held(added("CNAME", "x.example")) == [("CNAME", 300, "x.example")]
    assert held(added("TXT", '"x"')) == [("A", 300, "192.168.1.5"), ("TXT", 300, '"x"')]
    assert held(added("A", "192.0.2.9", 10), added("A", "192.0.2.8", 60)) == [
        ("A", 10, "192.0.2.8"),
        ("A", 10, "192.0.2.9"),
    ]


SERIALS = st.integers(0, 2**32 - 1)


@given(SERIALS, SERIALS)
def test_the_next_serial_is_newer_whatever_the_clock_says(before: int, now_s: int) -> None:
    after = next_serial(before, now_s)
    assert 0 < after < 2**32
    assert before == 0 or is_newer(after, before)


def test_serials_wrap_around() -> None:
    assert is_newer(0, 2**32 - 1)
    assert not is_newer(2**32 - 1, 0)
    assert not is_newer(7, 7)
    assert not is_newer(2**31, 0)
    assert next_serial(2**32 - 1, 0) == 1
    assert next_serial(100, 5_000) == 5_000
    assert next_serial(5_000, 100) == 5_001


def names(count: int, start: int = 0) -> dict[str, tuple[Record, ...]]:
    made = (f"h{n}.rack.example" for n in range(start, start + count))
    return {name: (Record(name=name, type="A", ttl=300, value="192.0.2.1"),) for name in made}


def applied(base: Zone, changes: tuple[ZoneChange, ...]) -> set[Record]:
    """What a secondary has that had the base and took the changes."""
    has = {record for records in base.records.values() for record in records}
    serial = base.serial
    for change in changes:
        assert change.before == serial
        assert set(change.removed) <= has
        has = (has - set(change.removed)) | set(change.added)
        serial = change.after
    return has


@given(st.lists(st.dictionaries(st.integers(0, 9), st.booleans(), max_size=4), max_size=20))
def test_who_applies_the_changes_has_the_zone(steps: list[dict[int, bool]]) -> None:
    at = planned()["rack.example"]
    base, _ = changed(begun(at, 0), at, dict.fromkeys([], ()) | {"rack.example": at.own["rack.example"]}, 1)
    now = base
    for step in steps:
        updates = {owner: records if step[n] else () for n in step for owner, records in names(1, n).items()}
        before = now
        now, change = changed(now, at, updates, 1)
        assert (change is None) == (now is before)
    assert applied(base, now.changes) == {record for records in now.records.values() for record in records}
    assert not now.changes or now.changes[-1].after == now.serial


def test_a_zone_that_begins_leads_nobody_on_and_a_new_soa_is_a_change() -> None:
    at = planned()["rack.example"]
    first, change = changed(begun(at, 77), at, dict(at.own), 1)
    assert (first.serial, first.changes) == (78, ())
    assert change is not None
    assert changed(first, at, dict(at.own), 1) == (first, None)
    other = planned(zones=(zone(refresh_s=60),))["rack.example"]
    second, change = changed(first, other, {}, 1)
    assert second.serial == 79
    assert change == ZoneChange(before=78, after=79)
    assert second.authority.refresh_s == 60
    secondary = planned(zones=(zone(secondaries=(Secondary(address=OWN),)),))["rack.example"]
    third, change = changed(first, secondary, {}, 1)
    assert (third.serial, change, len(third.secondaries)) == (78, None, 1)


def test_changes_are_bounded_by_number_and_by_the_zone() -> None:
    at = planned()["rack.example"]
    now, _ = changed(begun(at, 0), at, dict(at.own) | names(500), 1)
    for n in range(150):
        now, _ = changed(now, at, names(1, 1_000 + n), 1)
    assert len(now.changes) == MOST_CHANGES
    now, _ = changed(now, at, names(640, 2_000), 1)
    now, _ = changed(now, at, dict.fromkeys(names(640, 2_000), ()), 1)
    assert len(now.changes) == 1
    now, _ = changed(now, at, dict.fromkeys(now.records, ()) | dict(at.own), 1)
    assert now.changes == ()


def test_a_change_of_one_name_leaves_the_other_records_where_they_are() -> None:
    at = planned()["rack.example"]
    before, _ = changed(begun(at, 0), at, dict(at.own) | names(3), 1)
    after, _ = changed(before, at, names(1, 9), 1)
    assert all(after.records[owner] is before.records[owner] for owner in before.records)
    assert "h9.rack.example" not in before.records


def test_a_machine_changes_only_the_names_that_differ() -> None:
    given_names = GivenNames()
    one = Record(name="a", type="A", ttl=1, value="192.0.2.1")
    other = Record(name="b", type="A", ttl=1, value="192.0.2.2")
    assert given_names.put(M1, [one, other]) == {"a", "b"}
    assert given_names.put(M1, [one]) == {"b"}
    assert given_names.put(M1, [one]) == set()
    assert given_names.put(M2, [one]) == {"a"}
    assert given_names.put(M1, []) == {"a"}
    assert list(given_names.at("a")) == [one]
    assert given_names.machines() == {M2}


def lease(mac: str, address: str, until: float = 100.0, on: str = "racks") -> Lease:
    return Lease(parse_mac(mac), on, IPv4Address(address), 60, until)


def test_a_lease_ends_is_renewed_and_goes_to_somebody_else() -> None:
    leases = Leases()
    one, two = "52:54:00:00:00:01", "52:54:00:00:00:02"
    assert leases.grant(lease(one, "192.0.2.1")) == {one}
    assert leases.grant(lease(one, "192.0.2.1", 200.0)) == set()
    assert leases.ended(150.0) == set()
    assert leases.grant(lease(two, "192.0.2.1", 300.0)) == {one, two}
    assert list(leases.of([parse_mac(one)])) == []
    assert leases.grant(lease(two, "192.0.2.7", 300.0, "others")) == {two}
    assert len(list(leases.of([parse_mac(two)]))) == 2
    assert leases.ended(300.0) == {two}
    assert list(leases.of([parse_mac(two)])) == []


def test_a_flood_of_clients_is_bounded() -> None:
    leases = Leases()
    for n in range(MOST + 5):
        leases.grant(lease(f"5254{n:08x}", str(IPv4Address(0x0A000000 + n))))
    assert len(leases.ended(1e9)) == MOST


def test_what_is_answered() -> None:
    at = planned()["rack.example"]
    lines = [
        ("www.rack.example", "CNAME", "h1.rack.example"),
        ("away.rack.example", "CNAME", "www.elsewhere.example"),
        ("loop.rack.example", "CNAME", "loop.rack.example"),
        ("*.wild.rack.example", "A", "192.0.2.7"),
        ("deep.er.rack.example", "A", "192.0.2.8"),
        ("sub.rack.example", "NS", "ns.sub.rack.example"),
    ]
    extra = {name: (Record(name=name, type=kind, ttl=1, value=value),) for name, kind, value in lines}
    served, _ = changed(begun(at, 0), at, dict(at.own) | names(2) | extra, 1)
    zones = {"rack.example": served}

    def said(name: str, kind: str = "A") -> tuple[str, list[str]]:
        found = lookup(zones, name, kind)
        return found.outcome.name, [record.value for record in found.records]

    assert said("h1.rack.example") == ("ANSWERED", ["192.0.2.1"])
    assert said("www.rack.example") == ("ANSWERED", ["h1.rack.example", "192.0.2.1"])
    assert said("www.rack.example", "CNAME") == ("ANSWERED", ["h1.rack.example"])
    assert said("away.rack.example") == ("ELSEWHERE", ["www.elsewhere.example"])
    assert len(said("loop.rack.example")[1]) <= 10
    assert said("x.wild.rack.example") == ("ANSWERED", ["192.0.2.7"])
    assert said("x.wild.rack.example", "MX") == ("NO_SUCH_TYPE", [])
    assert said("er.rack.example") == ("NO_SUCH_TYPE", [])
    assert said("wild.rack.example") == ("NO_SUCH_TYPE", [])
    assert said("nobody.rack.example") == ("NO_SUCH_NAME", [])
    assert said("a.sub.rack.example") == ("DELEGATED", [])
    assert said("a.example.org") == ("ELSEWHERE", [])
    assert said("rack.example", "SOA")[1][0].startswith(f"ns.rack.example hostmaster.rack.example {served.serial}")
    assert lookup(zones, "nobody.rack.example", "A").authority[0].type == "SOA"
    assert Outcome.ELSEWHERE.value == "elsewhere"


def test_time_is_what_a_serial_begins_with() -> None:
    later = int((T0 + timedelta(days=1)).timestamp())
    at = planned()["rack.example"]
    first, _ = changed(begun(at, 0), at, dict(at.own), int(T0.timestamp()))
    second, _ = changed(first, at, names(1), later)
    assert (first.serial, second.serial) == (int(T0.timestamp()), later)
