"""Who is told that there is no router: machines that boot from the network, where none speaks for itself."""

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptSrcLLAddr

from fibrix.errors import MalformedPacketError
from fibrix.services.ndp.engine import BOOTING_S, ROUTER_S, Engine, Verdict
from fibrix.types import MacAddress

MAC = MacAddress("52:54:00:77:00:01")
OTHER = "52:54:00:77:00:02"
NOW = 1000.0


def solicitation(mac: str = MAC) -> bytes:
    return bytes(ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=mac))


@pytest.fixture
def engine() -> Engine:
    made = Engine()
    made.boots(MAC, NOW)
    return made


def test_a_machine_that_boots_from_the_network_is_answered(engine: Engine) -> None:
    assert engine.receive(solicitation(), 255, NOW + 1) is Verdict.ANSWERED


def test_a_machine_that_boots_in_the_first_second_of_the_clock_is_answered_too() -> None:
    engine = Engine()
    assert engine.receive(solicitation(), 255, 0.0) is Verdict.NOT_BOOTING
    engine.boots(MAC, 0.0)
    assert engine.receive(solicitation(), 255, 0.0) is Verdict.ANSWERED


@pytest.mark.parametrize(
    ("message", "later"), [(solicitation(OTHER), 1), (bytes(ICMPv6ND_RS()), 1), (solicitation(), BOOTING_S)]
)
def test_nobody_else_is(engine: Engine, message: bytes, later: float) -> None:
    assert engine.receive(message, 255, NOW + later) is Verdict.NOT_BOOTING


def test_a_router_that_is_there_answers_for_itself(engine: Engine) -> None:
    assert engine.receive(bytes(ICMPv6ND_RA()), 255, NOW) is Verdict.ROUTER
    assert engine.receive(solicitation(), 255, NOW + 1) is Verdict.LEFT_TO_ROUTER
    engine.boots(MAC, NOW + ROUTER_S)
    assert engine.receive(solicitation(), 255, NOW + ROUTER_S) is Verdict.ANSWERED


def test_what_has_come_from_beyond_the_link_is_refused(engine: Engine) -> None:
    with pytest.raises(MalformedPacketError, match="hop limit 64"):
        engine.receive(solicitation(), 64, NOW)


def test_no_flood_of_machines_grows_the_memory(engine: Engine) -> None:
    for number in range(10_000):
        engine.boots(MacAddress(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"), NOW + 1)
    assert len(engine._booting) <= 4096
    assert engine.receive(solicitation("02:00:00:00:27:0f"), 255, NOW + 2) is Verdict.ANSWERED
    assert engine.receive(solicitation(), 255, NOW + 2) is Verdict.NOT_BOOTING
