"""The census's clock and alarms."""

from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.track import Track
from fibrix.services.sniffer.timing import Alarms, Clock


def track(number: int) -> Track:
    return Track(mac=number.to_bytes(6), interface="eth1", vlan=0, first=0, last=0)


def taken(alarms: Alarms, now: int) -> list[int]:
    found = []
    while (one := alarms.take(now)) is not None:
        found.append(int.from_bytes(one.mac))
    return found


def test_each_has_one_alarm_the_earliest() -> None:
    alarms, one, two = Alarms(), track(1), track(2)
    alarms.set(one, 50)
    alarms.set(two, 30)
    alarms.set(one, 20)
    alarms.set(one, 40)
    assert taken(alarms, 10) == []
    assert taken(alarms, 100) == [1, 2]
    assert taken(alarms, 100) == []


def test_those_that_are_forgotten_have_none() -> None:
    alarms, one = Alarms(), track(1)
    alarms.set(one, 20)
    one.forgotten = True
    assert taken(alarms, 100) == []


def test_alarms_that_were_overtaken_do_not_pile_up() -> None:
    alarms, tracks = Alarms(), [track(number) for number in range(10)]
    for at in range(10_000, 0, -1):
        alarms.set(tracks[at % 10], at)
    assert len(alarms) <= 1_100
    assert sorted(taken(alarms, 20_000)) == list(range(10))


def test_a_clock_that_is_set_back_goes_on_and_a_late_frame_is_only_late() -> None:
    clock = Clock()
    assert clock.read(1_000 * SECOND) == 1_000 * SECOND
    assert clock.read(995 * SECOND) == 995 * SECOND
    assert clock.shift == 0
    assert clock.read(900 * SECOND) == 1_000 * SECOND
    assert clock.read(901 * SECOND) == 1_001 * SECOND
    assert clock.shift == 100 * SECOND
