"""What the census holds and tells, whatever comes."""

from collections import Counter
from random import Random

from fibrix.domain.census.gate import Pace
from fibrix.services.sniffer.settings import CensusSettings
from fibrix.types import mac_from_octets
from tests.services.sniffer.wire import A, B, Wire, arp


def strange(number: int) -> str:
    return mac_from_octets(b"\x02" + number.to_bytes(5))


def kinds(wire: Wire) -> Counter[str]:
    return Counter(event.type for event in wire.events)


def test_made_up_macs_are_few_in_events_and_those_who_are_known_are_still_followed() -> None:
    wire = Wire(CensusSettings(newcomers=Pace(burst=100, per_s=10)))
    chance = Random(1)
    wire.hears(arp(A, "10.0.0.10"))
    for number in range(20_000):
        wire.hears(arp(strange(chance.getrandbits(40)), "10.0.0.11"), number / 2000)
    wire.hears(arp(A, "10.0.0.12"), 10)
    for second in range(10, 30):
        wire.waits(second)
    assert 100 <= kinds(wire)["host.seen"] <= 220
    assert kinds(wire)["census.flooded"] == 1
    assert wire.engine.census.refused > 19_000
    assert f"host.changed {A} eth1 addresses 10.0.0.12" in wire.said


def test_a_host_that_goes_on_is_taken_up_in_the_midst_of_them() -> None:
    wire = Wire(CensusSettings(newcomers=Pace(burst=10, per_s=10)))
    for number in range(3_000):
        wire.hears(arp(strange(number), "10.0.0.11"), number / 1000)
        if number % 1_000 == 500:
            wire.hears(arp(B, "10.0.0.12"), number / 1000)
    assert f"host.seen {B} eth1 arp Supermicro 10.0.0.12" in wire.said


def test_when_the_flood_is_over_all_are_taken_up_at_once_again() -> None:
    wire = Wire(CensusSettings(newcomers=Pace(burst=10, per_s=10)))
    for number in range(100):
        wire.hears(arp(strange(number), "10.0.0.11"), number / 1000)
    wire.waits(70)
    wire.hears(arp(B, "10.0.0.12"), 71)
    assert wire.said[-1] == f"host.seen {B} eth1 arp Supermicro 10.0.0.12"


def test_beyond_the_most_the_longest_silent_are_forgotten_and_that_is_told_once_an_hour() -> None:
    wire = Wire(CensusSettings(most_hosts=50))
    for number in range(200):
        wire.hears(arp(strange(number), f"10.0.1.{number}"), number)
        wire.hears(arp(A, "10.0.0.10"), number)
    assert len(wire.engine.census) == 50
    assert kinds(wire)["census.full"] == 1
    assert kinds(wire)["host.seen"] == 201
    wire.hears(arp(strange(199), "10.0.1.199"), 210)
    assert kinds(wire)["host.seen"] == 201
    wire.hears(arp(strange(0), "10.0.1.0"), 211)
    assert kinds(wire)["host.seen"] == 202


def test_one_host_with_ever_new_addresses_keeps_the_newest_and_is_told_of_less_and_less() -> None:
    wire = Wire()
    for number in range(6_000):
        wire.hears(arp(A, f"10.1.{number // 200}.{number % 200 + 1}"), number / 10)
    changes = kinds(wire)["host.changed"]
    assert 10 <= changes <= 30
    addresses = wire.host(A).addresses
    assert len(addresses) == 16
    wire.waits(700)
    assert wire.host(A).addresses[0].address == "10.1.29.200"


def test_news_of_one_moment_are_one_event() -> None:
    wire = Wire()
    wire.hears(arp(A, "0.0.0.0"))
    for number in range(10):
        wire.hears(arp(A, f"10.0.0.{number + 1}"), 0.1 + number / 20)
    wire.waits(2)
    assert wire.said == [f"host.seen {A} eth1 arp Supermicro", f"host.changed {A} eth1 addresses 10.0.0.10"]
