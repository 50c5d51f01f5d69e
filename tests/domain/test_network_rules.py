"""Networks: what is refused and why, whatever the order in which they are made; and what is free in them."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.binding import Binding, BindingState, instant_us
from fibrix.domain.network import DhcpOption, Reservation
from fibrix.domain.network_foresee import subnet_changed
from fibrix.domain.network_kept import KeptSubnet, ReservedRange, Vlan, effective
from fibrix.domain.network_options import option_faults
from fibrix.domain.network_rules import between, interface_fault, reservation_faults, subnet_faults, vlan_faults
from fibrix.domain.network_spec import OptionSpec, RangeSpec, ReservedSpec, RouteSpec, SubnetChanges, SubnetSpec
from fibrix.domain.network_text import changed, client_of, kept_of, spec_of
from fibrix.domain.network_use import Hold, Occupants, Where, holders, next_address, use
from fibrix.errors import InvalidError
from fibrix.types import MacAddress

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MAC = MacAddress("52:54:00:77:00:01")
ROLES = {"eth0": "wan", "eth1": "rack"}
PLAIN = SubnetSpec(
    name="racks",
    interface="eth1",
    address="10.0.0.1/24",
    ranges=(RangeSpec(first="10.0.0.100", last="10.0.0.109"),),
    reserved=(ReservedSpec(first="10.0.0.240", last="10.0.0.250", note="switches"),),
    routers=("10.0.0.1",),
)


def spec(**fields: object) -> SubnetSpec:
    return msgspec.structs.replace(PLAIN, **fields)


def faults(vlan: Vlan | None = None, **fields: Any) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.detail) for fault in subnet_faults(kept_of(spec(**fields)), vlan, ROLES)]


def test_a_plain_subnet_is_sound_and_reads_back_as_it_was_written() -> None:
    assert faults() == []
    kept = kept_of(PLAIN)
    assert kept_of(spec_of(kept)) == kept
    assert (str(kept.subnet.network), str(kept.subnet.address)) == ("10.0.0.0/24", "10.0.0.1")


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"interface": "eth0"}, "/interface", "has the role wan"),
        ({"interface": "eth9"}, "/interface", "is not among [[interfaces]] (there are: eth0, eth1)"),
        ({"interface": "eth0.10"}, "/interface", "has the role wan"),
        ({"interface": "eth1.4095"}, "/interface", "is not among"),
        ({"interface": ""}, "/interface", "it is on no interface of the rack"),
        ({"routers": ("10.0.1.1",)}, "/routers/0", "the router 10.0.1.1 is not in 10.0.0.0/24"),
        ({"address": "10.0.0.255/24"}, "/address", "is the subnet itself or its broadcast"),
        ({"network": "10.0.1.0/24"}, "/address", "10.0.0.1 is not in 10.0.1.0/24"),
        ({"ranges": (RangeSpec(first="10.0.0.1", last="10.0.0.9"),)}, "/ranges/0", "has 10.0.0.1 in it"),
        ({"ranges": (RangeSpec(first="10.0.0.9", last="10.0.0.8"),)}, "/ranges/0", "ends before it begins"),
        ({"ranges": (RangeSpec(first="10.0.1.9", last="10.0.1.10"),)}, "/ranges/0", "is not within 10.0.0.0/24"),
        ({"ranges": (RangeSpec(first="10.0.0.200", last="10.0.0.240"),)}, "/reserved/0", "overlap"),
        ({"reserved": (ReservedSpec(first="10.0.0.0", last="10.0.1.0"),)}, "/reserved/0", "is not within"),
        ({"routes": (RouteSpec(destination="10.9.0.0/16", router="10.8.0.1"),)}, "/routes/0/router", "is not in"),
        ({"options": (OptionSpec(code=3, value="0a000001"),)}, "/options/0/code", "give `routers`"),
        ({"options": (OptionSpec(code=82, value="00"),)}, "/options/0/code", "what clients and relays say"),
        ({"mtu": 67}, "/mtu", "an MTU is 68 to 65535 octets"),
        ({"relayed": True}, "/relayed", "nothing has to be relayed"),
    ],
)
def test_what_a_subnet_cannot_be_is_told_with_its_place(fields: dict[str, Any], pointer: str, words: str) -> None:
    found = faults(**fields)
    assert (pointer, True) in [(where, words in detail) for where, detail in found], found


def test_the_other_sides_of_the_limits_are_sound() -> None:
    assert faults(interface="eth1.10") == []
    assert faults(address="10.0.0.1/30", ranges=(RangeSpec(first="10.0.0.2", last="10.0.0.2"),), reserved=()) == []
    behind = spec(relayed=True, address="192.168.0.1", network="10.0.0.0/31", routers=("10.0.0.0",), reserved=())
    small = msgspec.structs.replace(behind, ranges=(RangeSpec(first="10.0.0.1", last="10.0.0.1"),))
    assert list(subnet_faults(kept_of(small), None, ROLES)) == []
    assert interface_fault("eth1", ROLES) == ""


def test_a_vlan_lends_its_interface_and_its_mtu() -> None:
    vlan = Vlan(fabric="core", vid=10, interface="eth1.10", mtu=9000)
    kept = kept_of(spec(interface="", vlan="core.10"))
    assert list(subnet_faults(kept, vlan, ROLES)) == []
    assert (effective(kept, vlan).interface, effective(kept, vlan).mtu) == ("eth1.10", 9000)
    assert faults(vlan, mtu=9001, interface="")[0][0] == "/mtu"
    assert "is on the interface 'eth1.10', not on 'eth1'" in faults(vlan)[0][1]
    assert [fault.pointer for fault in vlan_faults(Vlan(fabric="core", vid=4095, interface="eth0"), ROLES)] == [
        "/vid",
        "/interface",
    ]


def test_all_that_cannot_be_read_is_told_at_once() -> None:
    wrong = spec(name="No Name", routers=("x",), domain_name="a b", options=(OptionSpec(code=4, value="zz"),))
    with pytest.raises(InvalidError) as caught:
        kept_of(wrong)
    assert [f.pointer for f in caught.value.faults] == ["/name", "/routers/0", "/domain_name", "/options/0/value"]
    with pytest.raises(InvalidError, match="it is missing"):
        kept_of(spec(address="10.0.0.1"))


@pytest.mark.parametrize("code", [0, 1, 3, 6, 12, 15, *range(50, 60), 61, 66, 67, 82, 97, 119, 121, 175, 255])
def test_options_that_fibrix_or_clients_set_are_not_given_as_octets(code: int) -> None:
    assert [fault.pointer for fault in option_faults([DhcpOption(code=code, value=b"x")])] == ["/options/0/code"]


def test_other_options_may_be_given_once_with_a_value() -> None:
    assert not list(option_faults([DhcpOption(code=4, value=b"x"), DhcpOption(code=43, value=b"y")]))
    twice = [DhcpOption(code=4, value=b"x"), DhcpOption(code=4, value=b"")]
    assert [fault.pointer for fault in option_faults(twice)] == ["/options/1/code", "/options/1/value"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.0.1.5", "cannot be a client's address on racks"),
        ("10.0.0.1", "the controller's own address"),
        ("10.0.0.0", "the subnet's own address"),
        ("10.0.0.255", "the broadcast address"),
        ("10.0.0.245", "10.0.0.240-10.0.0.250, which is reserved for switches"),
    ],
)
def test_a_reservation_is_refused_where_nobody_can_be(address: str, words: str) -> None:
    (fault,) = reservation_faults(kept_of(PLAIN), Reservation(mac=MAC, address=IPv4Address(address)))
    assert fault.pointer == "/address"
    assert words in fault.detail


def test_a_reservation_may_be_inside_of_a_range_and_outside() -> None:
    for address in ("10.0.0.105", "10.0.0.5"):
        assert not list(reservation_faults(kept_of(PLAIN), Reservation(mac=MAC, address=IPv4Address(address))))


@pytest.mark.parametrize(
    ("mac", "client_id", "pointer"),
    [("", "", "/mac"), (MAC, "0102", "/mac"), ("x", "", "/mac"), ("", "01", "/client_id"), ("", "0g", "/client_id")],
)
def test_a_client_is_a_mac_or_an_identifier_of_two_octets_at_least(mac: str, client_id: str, pointer: str) -> None:
    with pytest.raises(InvalidError) as caught:
        client_of(mac, client_id)
    assert caught.value.pointer == pointer
    assert client_of("", "FF:00:01")[1] == "ff0001"


networks = st.builds(
    lambda octet, bits: IPv4Network((int(IPv4Address(f"10.{octet % 4}.{octet}.0")), bits), strict=False),
    st.integers(0, 15),
    st.integers(14, 29),
)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), networks), max_size=30))
def test_no_order_of_making_and_removing_leaves_an_overlap(steps: list[tuple[bool, int, IPv4Network]]) -> None:
    there: dict[str, KeptSubnet] = {}
    for add, number, network in steps:
        name = f"s{number}"
        if not add:
            there.pop(name, None)
            continue
        made = kept_of(
            SubnetSpec(name=name, interface="eth1", network=str(network), address=str(network.network_address + 1))
        )
        refused = list(between(made, there.values()))
        clash = any(network.overlaps(k.subnet.network) for n, k in there.items() if n != name)
        assert bool(refused) is clash
        if not refused:
            there[name] = made
    for one, other in combinations(there.values(), 2):
        assert not one.subnet.network.overlaps(other.subnet.network)


def test_a_relayed_subnet_needs_an_address_that_the_rack_has() -> None:
    far = kept_of(spec(name="far", relayed=True, network="10.2.0.0/24", address="10.0.0.1", ranges=(), reserved=()))
    assert [fault.pointer for fault in between(far, [])] == ["/address"]
    assert not list(between(far, [kept_of(PLAIN)]))


def bound(address: str, state: BindingState = BindingState.BOUND, seconds: int = 60) -> Binding:
    ends = NOW + timedelta(seconds=seconds)
    return Binding(
        number=int(IPv4Address(address)),
        subnet="racks",
        mac=MAC,
        state=state,
        since_us=instant_us(NOW),
        until_us=instant_us(ends),
    )


def test_the_next_address_is_nobodys() -> None:
    kept = kept_of(PLAIN)
    reservations = [Reservation(mac=MAC, address=IPv4Address("10.0.0.2"))]
    bindings = [bound("10.0.0.100"), bound("10.0.0.101", BindingState.DECLINED), bound("10.0.0.102", seconds=-1)]
    known = Occupants(reservations=reservations, bindings=bindings)
    assert str(next_address(kept, known, Where.OUTSIDE, NOW)) == "10.0.0.3"
    assert str(next_address(kept, known, Where.INSIDE, NOW)) == "10.0.0.102"


@given(st.sets(st.integers(0, 15)), st.lists(st.tuples(st.integers(0, 15), st.integers(0, 6)), max_size=3))
def test_the_next_address_is_the_lowest_free_one(held: set[int], closed: list[tuple[int, int]]) -> None:
    base = int(IPv4Address("10.0.0.0"))
    reserved = tuple(
        ReservedRange(first=IPv4Address(base + start), last=IPv4Address(base + min(15, start + more)))
        for start, more in closed
    )
    kept = kept_of(SubnetSpec(name="s", interface="eth1", address="10.0.0.1/28"))
    kept = msgspec.structs.replace(kept, reserved=reserved)
    bindings = [bound(str(IPv4Address(base + number))) for number in held]
    shut = {n for span in reserved for n in range(int(span.first) - base, int(span.last) - base + 1)}
    free = [n for n in range(16) if n not in held | shut | {0, 1, 15}]
    found = next_address(kept, Occupants(bindings=bindings), Where.OUTSIDE, NOW)
    assert (int(found) - base if found else None) == (free[0] if free else None)


def test_use_counts_what_is_leased_declined_kept_and_free() -> None:
    known = Occupants(
        reservations=[
            Reservation(mac=MAC, address=IPv4Address("10.0.0.100")),
            Reservation(mac=MAC, address=IPv4Address("10.0.0.109")),
            Reservation(mac=MAC, address=IPv4Address("10.0.0.9")),
        ],
        bindings=[bound("10.0.0.100"), bound("10.0.0.101", BindingState.DECLINED), bound("10.0.0.103", seconds=0)],
    )
    found = use(kept_of(PLAIN), known, NOW)
    assert (found.addresses, found.leased, found.declined, found.reserved, found.free) == (10, 1, 1, 2, 7)
    assert len(found.ranges) == 1


def test_who_holds_an_address_is_told_with_every_reason() -> None:
    kept = kept_of(PLAIN)
    known = Occupants(
        reservations=[Reservation(mac=MAC, address=IPv4Address("10.0.0.100"))], bindings=[bound("10.0.0.100")]
    )

    def kinds(address: str) -> list[Hold]:
        return [one.kind for one in holders(kept, known, IPv4Address(address), NOW)]

    assert kinds("10.0.0.1") == [Hold.NETWORK]
    assert kinds("10.0.0.241") == [Hold.RESERVED_RANGE]
    assert kinds("10.0.0.100") == [Hold.RESERVATION, Hold.LEASE, Hold.RANGE]
    assert kinds("10.0.0.5") == []


def test_a_change_is_told_field_by_field_and_in_words_of_dhcp() -> None:
    before = kept_of(PLAIN)
    after = changed(before, SubnetChanges(mtu=1400, ranges=(RangeSpec(first="10.0.0.50", last="10.0.0.59"),)))
    told = list(subnet_changed(before, after))
    assert [one.what for one in told] == ["ranges", "mtu", "dhcp"]
    assert told[-1].before == "10 addresses: 10.0.0.100-10.0.0.109"
    assert "is not renewed" in told[-1].detail
    assert [one.what for one in subnet_changed(before, None)] == ["subnet", "dhcp", "dhcp"]
    assert list(subnet_changed(before, before)) == []
