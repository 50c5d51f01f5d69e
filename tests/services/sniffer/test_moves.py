"""Hosts that move, MACs that are in two places."""

from tests.services.sniffer.wire import A, Wire, arp

FRAME = arp(A, "10.0.0.10")
SEEN = f"host.seen {A} eth1 arp Supermicro 10.0.0.10"


def test_a_host_that_is_heard_elsewhere_and_no_longer_where_it_was_has_moved() -> None:
    wire = Wire()
    wire.hears(FRAME, 0)
    wire.hears(FRAME, 60, "eth1", vlan=12)
    assert wire.said == [SEEN]
    wire.waits(62)
    assert wire.said == [SEEN, f"host.moved {A} eth1 12 eth1"]
    host = wire.host(A)
    assert (host.interface, host.vlan, [one.what for one in host.history]) == (
        "eth1", 12, ["moved from eth1 to eth1 VLAN 12"],
    )  # fmt: skip
    assert (host.last - host.first).total_seconds() == 60


def test_it_goes_on_in_its_new_place() -> None:
    wire = Wire()
    wire.hears(FRAME, 0)
    for second in range(60, 200, 10):
        wire.hears(FRAME, second, "eth2")
    assert wire.said == [SEEN, f"host.moved {A} eth2 eth1"]


def test_and_may_move_again_later() -> None:
    wire = Wire()
    wire.hears(FRAME, 0)
    wire.hears(FRAME, 60, "eth2")
    wire.hears(FRAME, 120, "eth1")
    wire.waits(130)
    assert wire.said == [SEEN, f"host.moved {A} eth2 eth1", f"host.moved {A} eth1 eth2"]


def test_one_frame_that_is_heard_twice_is_no_move() -> None:
    """Two interfaces on one wire hear the same broadcasts, in any order."""
    wire = Wire()
    for second in range(0, 600, 7):
        first, then = ("eth1", "eth2") if second % 2 else ("eth2", "eth1")
        wire.hears(FRAME, second, first)
        wire.hears(FRAME, second + 0.003, then)
    wire.waits(610)
    assert wire.said == [SEEN.replace("eth1", "eth2")]


def test_a_mac_that_is_heard_here_and_there_is_told_once_an_hour() -> None:
    wire = Wire()
    for second in range(0, 3600, 2):
        wire.hears(FRAME, second, "eth1")
        wire.hears(FRAME, second + 1, "eth2")
    assert wire.said == [SEEN, f"host.duplicate {A} eth1 eth2"]
    assert [one.what for one in wire.host(A).history] == ["on eth1 and on eth2"]
    for second in range(3600, 3620, 2):
        wire.hears(FRAME, second, "eth1")
        wire.hears(FRAME, second + 1, "eth2")
    assert len(wire.said) == 3


def test_one_that_speaks_in_two_vlans_at_a_time_is_told_once_an_hour() -> None:
    """No frame is heard twice in two VLANs of one interface."""
    wire = Wire()
    for second in range(3600):
        first, then = (10, 20) if second % 2 else (20, 10)
        wire.hears(FRAME, second, vlan=first)
        wire.hears(FRAME, second + 0.003, vlan=then)
    assert wire.said == [SEEN.replace("eth1", "eth1 20"), f"host.duplicate {A} eth1 20 eth1 10"]


def test_one_that_was_in_two_places_has_moved_when_it_is_in_one_alone_for_long() -> None:
    wire = Wire()
    for second in (0, 1, 2, 3):
        wire.hears(FRAME, second, "eth2" if second % 2 else "eth1")
    duplicate = f"host.duplicate {A} eth1 eth2"
    wire.waits(60)
    assert wire.said == [SEEN, duplicate]
    wire.hears(FRAME, 62, "eth1")
    for second in range(63, 95, 5):
        wire.hears(FRAME, second, "eth2")
    assert wire.said == [SEEN, duplicate, f"host.moved {A} eth2 eth1"]


def test_one_frame_that_a_mirrored_port_shows_with_its_tag_and_without_is_no_move() -> None:
    wire = Wire()
    for second in range(0, 600, 7):
        wire.hears(FRAME, second, vlan=10)
        wire.hears(FRAME, second + 0.003)
    wire.waits(610)
    assert wire.said == [SEEN.replace("eth1", "eth1 10")]


def test_one_that_comes_back_soon_after_it_moved_is_in_both_places() -> None:
    wire = Wire()
    wire.hears(FRAME, 0)
    wire.hears(FRAME, 10, "eth2")
    wire.hears(FRAME, 20, "eth1")
    wire.waits(30)
    assert wire.said == [SEEN, f"host.moved {A} eth2 eth1", f"host.duplicate {A} eth1 eth2"]


def test_a_host_that_was_gone_and_comes_back_elsewhere_has_moved_at_once() -> None:
    wire = Wire()
    wire.hears(FRAME, 0)
    for minute in range(62):
        wire.waits(minute * 60)
    wire.hears(FRAME, 3720, "eth2")
    assert wire.said == [
        SEEN,
        f"host.gone {A} eth1 3600",
        f"host.returned {A} eth2 3720",
        f"host.moved {A} eth2 eth1",
    ]
