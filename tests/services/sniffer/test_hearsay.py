"""What other services found out about hosts reaches what is known of them."""

from datetime import UTC, datetime
from ipaddress import IPv4Address

from msgspec.structs import replace

from fibrix.domain.census.host import Host
from fibrix.domain.rack import RackSnapshot
from fibrix.events.base import Event
from fibrix.events.discovery import BmcSeen
from fibrix.events.rack import HostTold, LeaseGranted
from fibrix.events.scan import RedfishSeen
from fibrix.services.sniffer.engine import Engine
from fibrix.services.sniffer.hearsay import hearsay
from fibrix.types import MacAddress
from tests.services.dhcp.rack import RACK

NOW = datetime(2026, 11, 27, tzinfo=UTC)
AT_US = int(NOW.timestamp()) * 1_000_000
MAC = MacAddress("00:14:22:07:07:01")
PROBE = bytes.fromhex("ffffffffffff 001422070701 0806 0001 0800 0604 0001 001422070701 00000000 000000000000 0a4d0009")
LEASE = LeaseGranted(at=NOW, mac=MAC, address=IPv4Address("10.77.0.107"), subnet=RACK.name, lease_s=600)
ROOT = RedfishSeen(at=NOW, address="10.77.0.9", mac=MAC, interface=RACK.interface, subnet=RACK.name, vendor="Dell")


def told(engine: Engine, fact: Event, snapshot: RackSnapshot) -> tuple[HostTold, ...]:
    """What an engine that has heard the host tells after such a fact."""
    engine.receive(PROBE, RACK.interface, 0, AT_US)
    said = hearsay(fact, snapshot.subnets)
    at_once = () if said is None else engine.hear_say(*said, AT_US)
    return (*at_once, *(one for second in range(5) for one in engine.due(AT_US + second * 1_000_000)))


def last_host(all_told: tuple[HostTold, ...]) -> Host:
    host = all_told[-1].host
    assert host is not None
    return host


def test_a_lease_that_we_gave_is_an_address_of_its_host() -> None:
    host = last_host(told(Engine(), LEASE, RackSnapshot(subnets=(RACK,))))
    assert [one.address for one in host.addresses] == ["10.77.0.107"]


def test_a_client_behind_a_relay_is_not_on_the_relays_wire() -> None:
    relayed = replace(RACK, relayed=True)
    assert hearsay(LEASE, (relayed,)) is None


def test_a_host_that_answers_redfish_is_a_bmc() -> None:
    all_told = told(Engine(), ROOT, RackSnapshot(subnets=(RACK,)))
    assert [event.evidence for one in all_told for event in one.said if isinstance(event, BmcSeen)]
    assert last_host(all_told).services[0].name == "Dell"


def test_a_host_that_was_never_heard_is_not_made_up() -> None:
    said = hearsay(LEASE, (RACK,))
    assert said is not None
    assert Engine().hear_say(*said, AT_US) == ()
