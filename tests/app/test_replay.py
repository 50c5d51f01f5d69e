"""What a replay hands to the sniffer's engine and when, and what it says of files that are not as they should be."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fibrix.app.replay import Replay
from fibrix.events.discovery import HostSeen
from fibrix.events.rack import HostTold
from fibrix.store.entry import Entry
from fibrix.types import mac_from_octets
from fibrix.wire.capture import pcap
from tests.support.pcapng import Writer

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
WRITER = Writer()


def frame(host: int) -> bytes:
    return b"\xff" * 6 + bytes.fromhex("5254007700") + bytes([host]) + b"\x08\x06" + bytes(46)


@dataclass
class Listener:
    """Tells of every frame, and remembers what it was called for."""

    heard: list[tuple[int, str]] = field(default_factory=list)  # seconds after START, the interface
    due_at: list[float] = field(default_factory=list)

    def receive(self, frame: bytes, interface: str, vlan: int, at_us: int) -> tuple[HostTold, ...]:
        self.heard.append(((at_us - START) // SECOND, interface))
        at = datetime.fromtimestamp(at_us / SECOND, UTC)
        mac = mac_from_octets(frame[6:12])
        seen = HostSeen(at=at, mac=mac, interface=interface, means="arp", vendor="")
        return (HostTold(at=at, host=None, said=(seen,)),)

    def due(self, at_us: int) -> tuple[HostTold, ...]:
        self.due_at.append((at_us - START) / SECOND)
        return ()


def file(*records: tuple[int, int], linktype: int = 1) -> bytes:
    """A capture of frames: seconds after START, the host."""
    return pcap.header(linktype) + b"".join(pcap.record(START + s * SECOND, frame(h), 60) for s, h in records)


def run(*files: bytes, listener: Listener | None = None, interface: str = "") -> tuple[Replay, list[Entry]]:
    replay = Replay(listener or Listener(), interface)
    named = [(f"{i}.pcap", io.BytesIO(data).read) for i, data in enumerate(files, 1)]
    return replay, list(replay.run(named))


def hosts(entries: list[Entry]) -> list[str]:
    return [entry.subject[-2:] for entry in entries]


def test_events_are_numbered_and_have_the_times_of_the_capture() -> None:
    _, entries = run(file((0, 1), (1, 2)))
    assert [entry.cloudevent() for entry in entries] == [
        b'{"specversion":"1.0","id":"%d","source":"/fibrix","type":"fibrix.host.seen",'
        b'"time":"2023-11-14T22:13:2%dZ","datacontenttype":"application/json",'
        b'"data":{"mac":"52:54:00:77:00:0%d","interface":"","vlan":0,"means":"arp","vendor":"","address":""},'
        b'"subject":"discoveries/52:54:00:77:00:0%d"}' % (i, i - 1, i, i)
        for i in (1, 2)
    ]


def test_time_passes_second_by_second_and_for_a_minute_after_the_end() -> None:
    listener = Listener()
    run(file((0, 1), (0, 1), (4, 1)), listener=listener)
    assert listener.due_at == [*range(1, 5), *range(5, 65)]


def test_what_is_gathered_is_told_before_a_leap() -> None:
    listener, week = Listener(), 7 * 86_400
    run(file((0, 1), (week, 1)), listener=listener)
    assert listener.due_at == [*range(1, 61), *range(week + 1, week + 61)]


def test_a_clock_that_was_set_back_is_followed() -> None:
    listener = Listener()
    run(file((5000, 1), (0, 1), (1, 1)), listener=listener)
    assert listener.due_at == [*range(5001, 5061), *range(1, 62)]


def test_a_packet_that_is_a_little_late_changes_nothing() -> None:
    listener = Listener()
    run(file((5, 1), (0, 2), (6, 1)), listener=listener)
    assert listener.due_at == [*range(6, 67)]


def test_a_file_that_lies_about_its_times_is_no_endless_work() -> None:
    listener = Listener()
    run(file(*((i * 86_000, 1) for i in range(200))), listener=listener)
    assert len(listener.due_at) < 3_200_000


def test_several_files_come_by_time_and_the_first_one_first() -> None:
    _, entries = run(file((0, 1), (2, 2), (4, 3)), file((0, 4), (1, 5), (4, 6)))
    assert hosts(entries) == ["01", "04", "05", "02", "03", "06"]


def test_interfaces_that_have_no_name_are_called_as_asked() -> None:
    listener = Listener()
    data = WRITER.section() + WRITER.interface("eth1") + WRITER.interface()
    data += WRITER.packet(frame(1), START) + WRITER.packet(frame(1), START, interface=1)
    run(data, listener=listener, interface="uplink")
    assert listener.heard == [(0, "eth1"), (0, "uplink")]


def test_a_capture_that_is_cut_gives_its_events_and_then_says_so() -> None:
    replay, entries = run(file((0, 1), (1, 2))[:-1])
    assert hosts(entries) == ["01"]
    assert replay.faults == ["1.pcap: the capture ends at octet 175, in the middle of the packet at octet 100"]


def test_a_capture_of_no_ethernet_is_refused_in_words() -> None:
    replay, entries = run(file((0, 1), (1, 2), linktype=101))
    assert entries == []
    assert replay.faults[0].startswith("1.pcap: packets of link type 101 (RAW) have no Ethernet header")
    assert replay.faults[0].endswith("; passed over: 2")


def test_packets_of_no_ethernet_are_noted_beside_those_of_ethernet() -> None:
    data = WRITER.section() + WRITER.interface("eth1") + WRITER.interface("usb0", linktype=220)
    data += WRITER.packet(frame(1), START) + WRITER.packet(b"usb", START, interface=1)
    replay, entries = run(data)
    assert (hosts(entries), replay.faults) == (["01"], [])
    assert "packets of link type 220 have no Ethernet header" in replay.notes[0]


def test_cooked_packets_are_heard_as_frames_and_broken_ones_are_not() -> None:
    cooked = bytes.fromhex("0001 0001 0006 525400770009 0000 0806") + bytes(46)
    records = [pcap.record(START, data, len(data)) for data in (cooked, cooked[:10])]
    replay, entries = run(pcap.header(113) + b"".join(records))
    assert (hosts(entries), replay.packets) == (["09"], 2)


def test_frames_are_sent_as_the_engine_hears_them() -> None:
    sent: list[bytes] = []
    replay = Replay(Listener(), send=sent.append)
    list(replay.run([("1.pcap", io.BytesIO(file((0, 1), (1, 2))).read)]))
    assert sent == [frame(1), frame(2)]


def test_each_thing_up_to_the_last_packet_is_waited_for_in_order() -> None:
    waited: list[int] = []
    replay = Replay(Listener(), wait=waited.append)

    def captured() -> Iterator[Entry]:
        return replay.run([("1.pcap", io.BytesIO(file((0, 1), (2, 2))).read)])

    list(captured())
    assert [(at - START) // SECOND for at in waited] == [0, 1, 2, 2]
