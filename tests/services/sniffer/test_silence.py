"""Hosts that are silent, and clocks that are set."""

from fibrix.domain.census.moment import SECOND
from fibrix.services.sniffer.settings import CensusSettings
from tests.services.sniffer.wire import START_US, A, B, Wire, arp

SHORT = CensusSettings(silence_s=300, refresh_s=60)


def test_a_host_that_is_silent_is_gone_and_one_that_speaks_again_is_back() -> None:
    wire = Wire(SHORT)
    wire.hears(arp(A, "10.0.0.10"))
    for second in range(0, 400, 10):
        wire.waits(second)
    wire.hears(arp(A, "10.0.0.10"), 500)
    assert wire.said[1:] == [f"host.gone {A} eth1 300", f"host.returned {A} eth1 500"]
    host = wire.host(A)
    assert not host.gone
    assert [one.what for one in host.history] == ["silent for 300 s", "back after 500 s"]


def test_when_a_host_was_heard_last_is_told_once_in_a_while_without_an_event() -> None:
    wire = Wire(SHORT)
    for second in range(0, 600, 2):
        wire.hears(arp(A, "10.0.0.10"), second)
    assert len(wire.said) == 1
    times = [told.host.last for told in wire.told if told.host is not None]
    assert 6 <= len(times) <= 11
    assert times == sorted(set(times))


def test_the_controllers_own_interfaces_are_marked_and_never_gone() -> None:
    wire = Wire(SHORT)
    wire.engine.is_ours([A])
    wire.hears(arp(A, "10.0.0.10"))
    for second in range(0, 2000, 10):
        wire.waits(second)
    assert len(wire.said) == 1
    assert wire.host(A).own


def test_hosts_that_were_known_before_a_restart_get_their_time() -> None:
    before = Wire(SHORT)
    before.hears(arp(A, "10.0.0.10"))
    after = Wire(SHORT, known=[before.host(A)], start_us=START_US + 86_400 * SECOND)
    for second in range(0, 299, 10):
        after.waits(second)
    assert after.said == []
    for second in range(299, 400, 10):
        after.waits(second)
    assert [one.partition(" ")[0] for one in after.said] == ["host.gone"]


def test_a_time_in_which_nobody_listened_counts_for_nobody() -> None:
    wire = Wire(SHORT)
    wire.hears(arp(A, "10.0.0.10"))
    wire.waits(1)
    wire.hears(arp(B, "10.0.0.11"), 5000)
    wire.waits(5050)
    assert [one.partition(" ")[0] for one in wire.said] == ["host.seen", "host.seen"]


def test_a_clock_that_is_set_back_hurts_nobody() -> None:
    wire = Wire(SHORT)
    for second in range(0, 100, 5):
        wire.hears(arp(A, "10.0.0.10"), second)
    for second in range(-7200, -7200 + 200, 5):
        wire.hears(arp(A, "10.0.0.10"), second)
    wire.hears(arp(B, "10.0.0.11"), -7000)
    assert [one.partition(" ")[0] for one in wire.said] == ["host.seen", "host.seen"]
    for second in range(-7000, -7000 + 400, 10):
        wire.waits(second)
    assert [one for one in wire.said if one.startswith("host.gone")] == [
        f"host.gone {A} eth1 305",
        f"host.gone {B} eth1 300",
    ]
    first, last = wire.host(B).first, wire.host(B).last
    assert first == last
    assert round(first.timestamp()) == START_US // SECOND - 7000


def test_times_that_no_calendar_has_are_taken() -> None:
    wire = Wire()
    for at_us in (0, -5, 1 << 62, 1 << 80, 7):
        wire.engine.due(at_us)
        wire.told += wire.engine.receive(arp(A, "10.0.0.10"), "eth1", 0, at_us)
    assert [one.partition(" ")[0] for one in wire.said][:1] == ["host.seen"]
