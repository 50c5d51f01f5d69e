"""ARP, the frames that are heard most."""

import msgspec
import pytest

from fibrix.domain.census.host import HostName
from fibrix.domain.census.sighting import Means
from tests.services.sniffer.wire import A, B, Wire, arp, tagged


def test_a_host_is_seen_once_with_its_maker_and_address() -> None:
    wire = Wire()
    for second in range(5):
        wire.hears(arp(A, "10.0.0.10"), second)
    assert wire.said == [f"host.seen {A} eth1 arp Supermicro 10.0.0.10"]
    host = wire.host(A)
    assert (host.interface, host.vlan, host.vendor, host.means) == ("eth1", 0, "Supermicro", ("arp",))
    assert [one.address for one in host.addresses] == ["10.0.0.10"]
    assert wire.engine.counts[Means.ARP].read == 5


def test_a_probe_shows_a_host_without_an_address_and_the_announcement_adds_it() -> None:
    wire = Wire()
    wire.hears(arp(A, "0.0.0.0"))
    wire.hears(arp(A, "10.0.0.10"), 2)
    wire.waits(4)
    assert wire.said == [f"host.seen {A} eth1 arp Supermicro", f"host.changed {A} eth1 addresses 10.0.0.10"]


@pytest.mark.parametrize("operation", [1, 2])
def test_requests_and_replies_are_heard_alike(operation: int) -> None:
    wire = Wire()
    wire.hears(arp(A, "10.0.0.10", operation=operation))
    assert wire.said == [f"host.seen {A} eth1 arp Supermicro 10.0.0.10"]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(arp(A, "10.0.0.10", sender=B), id="speaks for another"),
        pytest.param(arp(A, "224.0.0.1"), id="address of a group"),
        pytest.param(arp(A, "255.255.255.255"), id="address of all"),
        pytest.param(arp(A, "127.0.0.1"), id="loopback"),
        pytest.param(arp(A, "0.0.0.7"), id="address of nobody"),
    ],
)
def test_what_does_not_check_out_is_not_believed(frame: bytes) -> None:
    wire = Wire()
    wire.hears(frame)
    assert wire.told == []
    assert wire.engine.counts[Means.ARP].unproved == 1


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(arp(A, "10.0.0.10")[:41], id="cut off"),
        pytest.param(arp(A, "10.0.0.10", operation=3), id="operation"),
        pytest.param(arp(A, "10.0.0.10").replace(b"\x08\x06\x00\x01", b"\x08\x06\x00\x06"), id="not Ethernet"),
    ],
)
def test_what_is_no_arp_for_ipv4_is_counted_and_tells_nothing(frame: bytes) -> None:
    wire = Wire()
    wire.hears(frame)
    assert wire.told == []
    assert wire.engine.counts[Means.ARP].malformed == 1


@pytest.mark.parametrize("mac", ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"])
def test_no_host_has_the_mac_of_a_group_or_of_nobody(mac: str) -> None:
    wire = Wire()
    wire.hears(arp(mac, "10.0.0.10"))
    assert wire.told == []


def test_a_tag_in_the_frame_says_the_vlan_as_one_that_the_kernel_took_out() -> None:
    inside, outside = Wire(), Wire()
    inside.hears(tagged(arp(A, "10.0.0.10"), 12))
    outside.hears(arp(A, "10.0.0.10"), vlan=12)
    assert inside.told == outside.told
    assert inside.said == [f"host.seen {A} eth1 12 arp Supermicro 10.0.0.10"]


def test_what_was_known_before_is_not_told_anew() -> None:
    before = Wire()
    before.hears(arp(A, "10.0.0.10"))
    after = Wire(known=[before.host(A)])
    after.hears(arp(A, "10.0.0.10"), 60)
    after.hears(arp(B, "10.0.0.11"), 61)
    after.waits(65)
    assert after.said == [f"host.seen {B} eth1 arp Supermicro 10.0.0.11"]


def test_what_a_later_version_knew_of_a_host_does_not_hurt() -> None:
    before = Wire()
    before.hears(arp(A, "10.0.0.10"))
    odd = HostName(name="x", means="telepathy", last=before.host(A).last)
    known = msgspec.structs.replace(before.host(A), means=("arp", "telepathy"), roles=("oracle",), names=(odd,))
    after = Wire(known=[known])
    after.hears(arp(A, "10.0.0.11"), 60)
    after.waits(65)
    assert after.said == [f"host.changed {A} eth1 addresses 10.0.0.11"]
    assert (after.host(A).means, after.host(A).roles, after.host(A).names) == (("arp",), (), ())
