"""What is kept and what is limited stays bounded; zones that cannot be served are told; signatures out of time."""

import time
from ipaddress import IPv4Address

import dns.flags
import dns.message
import dns.name
import dns.tsig
import msgspec
import pytest

from fibrix.domain.dns import Record
from fibrix.services.dns import kept as kept_module
from fibrix.services.dns import limit as limit_module
from fibrix.services.dns.engine import Asker, Engine, Reply
from fibrix.services.dns.kept import KeptAnswers
from fibrix.services.dns.limit import Bucket, Buckets
from fibrix.services.dns.zones import EVERYTHING, Zones
from tests.services.dns.site import KEY, changed, rack, records, reverse, snapshot, zone

ASKER = Asker(IPv4Address("198.51.100.7"))


def reply(only: str = "") -> Reply:
    return Reply(b"12" + b"x" * 40, "A", "NOERROR", only, kept=True)


def test_kept_answers_go_with_their_name_and_are_counted() -> None:
    kept = KeptAnswers()
    kept.keep(b"..one", reply("a.example"))
    kept.keep(b"..two", reply("b.example"))
    kept.keep(b"..several", reply())
    kept.entries[b"one"].hits += 3
    kept.forget([])
    assert len(kept.entries) == 3
    kept.forget(["a.example"])
    assert list(kept.entries) == [b"two"]
    assert kept.count() == ({"A": 3}, {"NOERROR": 3})
    kept.forget(EVERYTHING)
    assert not kept.entries


def test_kept_answers_are_bounded_in_number_and_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_module, "_MOST", 10)
    kept = KeptAnswers()
    for number in range(95):
        kept.keep(b"..%d" % number, reply())
    assert len(kept.entries) <= 10
    monkeypatch.setattr(kept_module, "_MOST_BYTES", 200)
    for number in range(95):
        kept.keep(b"..%d" % number, reply("n"))
    assert len(kept.entries) <= 4


def test_a_bucket_fills_with_time_and_not_beyond_its_brim() -> None:
    bucket = Bucket(10, now=0.0)
    bucket.tokens = 0
    assert not bucket.refill(0.05)
    assert bucket.refill(0.3)
    assert bucket.tokens == 3
    assert bucket.refill(100.0)
    assert bucket.tokens == 10
    assert [bucket.slips() for _ in range(4)] == [False, True, False, True]


def test_networks_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_module, "_MOST_NETWORKS", 2)
    buckets = Buckets()
    first = buckets.of(1, 5, 0.0)
    assert buckets.of(1, 5, 0.0) is first
    buckets.of(2, 5, 0.0)
    buckets.of(3, 5, 0.0)
    assert buckets.of(1, 5, 0.0) is not first


def test_a_zone_that_cannot_be_is_told_and_the_others_are_served() -> None:
    bad = zone("bad.example", [], authority=msgspec.structs.replace(rack().authority, primary="no..name"))
    zones = Zones()
    assert list(zones.update(snapshot(rack(), bad)))[-1] is EVERYTHING
    assert set(zones.ready) == {"rack.example"}
    assert "no..name" in zones.faults["bad.example"]
    worse = msgspec.structs.replace(rack(), authority=bad.authority)
    list(zones.update(snapshot(worse, reverse())))
    assert set(zones.ready) == {"0/25.2.0.192.in-addr.arpa"}
    assert set(zones.faults) == {"rack.example"}


def test_records_that_cannot_be_are_left_out() -> None:
    odd = [
        Record(name="x.rack.example", type="A", ttl=5, value="no address"),
        Record(name="x.rack.example", type="A", ttl=-1, value="192.0.2.1"),
        Record(name="x.rack.example", type="A", ttl=9, value="192.0.2.2"),
        Record(name="x.rack.example", type="A", ttl=7, value="192.0.2.3"),
    ]
    zones = Zones()
    list(zones.update(snapshot(zone("rack.example", odd))))
    query = dns.message.make_query("x.rack.example", "A").to_wire()
    decision = Engine(zones).decide(query, ASKER, 0)
    assert isinstance(decision, Reply)
    (answer,) = dns.message.from_wire(decision.octets).answer
    assert (answer.ttl, {item.address for item in answer}) == (7, {"192.0.2.2", "192.0.2.3"})
    assert zones.ready["rack.example"].unusable == 2


def test_what_changed_is_told_by_name_and_delegations_change_everything() -> None:
    zones = Zones()
    first = rack()
    list(zones.update(snapshot(first)))
    assert list(zones.update(snapshot(first))) == [[], []]
    second = changed(first, add=records("new.rack.example A 192.0.2.7"))
    assert list(zones.update(snapshot(second))) == [["new.rack.example"], []]
    third = changed(second, add=records("cut.rack.example NS ns.elsewhere"))
    assert list(zones.update(snapshot(third))) == [EVERYTHING, []]
    jumped = msgspec.structs.replace(first, serial=99, changes=())
    assert list(zones.update(snapshot(jumped)))[-1] is EVERYTHING
    assert zones.find("cut.rack.example") is zones.find("rack.example")
    assert list(zones.update(snapshot()))[-1] is EVERYTHING
    assert zones.find("rack.example") is None


def test_a_signature_out_of_time_is_answered_with_ours() -> None:
    zones = Zones()
    list(zones.update(snapshot(rack())))
    ring = {dns.name.from_text(KEY.name): dns.tsig.Key(KEY.name, KEY.secret, "hmac-sha256")}
    query = dns.message.make_query("rack.example", "SOA")
    query.use_tsig(ring)
    decision = Engine(zones).decide(query.to_wire(), ASKER, int(time.time()) + 3600)
    assert isinstance(decision, Reply)
    assert decision.rcode == "NOTAUTH"
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(decision.octets, keyring=ring, request_mac=query.mac or b"")
    good = Engine(zones).decide(query.to_wire(), ASKER, int(time.time()))
    assert isinstance(good, Reply)
    assert not good.kept
    read = dns.message.from_wire(good.octets, keyring=ring, request_mac=query.mac or b"")
    assert read.had_tsig
    assert read.flags & dns.flags.AA
