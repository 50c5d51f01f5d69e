"""scapy, as an independent reader, agrees with `fibrix/wire/` on each field of each case that both can read."""

from collections import Counter
from pathlib import Path

import pytest
from scapy.utils import PcapReader, RawPcapNgReader, RawPcapReader

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture.linktype import EN10MB, FRAMES
from fibrix.wire.capture.packet import Packet
from fibrix.wire.capture.reader import packets
from tests.captures import ours, scapys
from tests.captures.again import capture_of
from tests.captures.test_cases import CASES, facts_of, named

WHOLE = [path for path in CASES if not facts_of(path).get("fault")]


def captured(path: Path) -> list[Packet]:
    with capture_of(path).open("rb") as file:
        return list(packets(file.read))


@pytest.mark.parametrize("path", WHOLE, ids=named)
def test_each_field_is_read_alike(path: Path) -> None:
    compared: Counter[str] = Counter()
    for packet in captured(path):
        frame = FRAMES[packet.linktype](packet.data)
        try:
            said = ours.read(frame)
        except MalformedPacketError:
            assert packet.length > len(packet.data) or packet.linktype != EN10MB
            continue
        theirs = scapys.read(frame)
        for layer, fields in theirs.items():
            if layer in said:
                wanted = {name: fields[name] for name in fields if name in said[layer]}
                assert {name: said[layer][name] for name in wanted} == wanted
                compared[layer] += len(wanted)
        assert said.keys() <= theirs.keys()
    assert compared["frame"] > 0


@pytest.mark.parametrize("path", WHOLE, ids=named)
def test_each_packet_of_the_file_is_read_alike(path: Path) -> None:
    file = capture_of(path)
    reader = RawPcapNgReader if file.suffix == ".pcapng" else RawPcapReader
    with reader(str(file)) as theirs:
        assert [packet.data for packet in captured(path)] == [data for data, _ in theirs]


@pytest.mark.parametrize("path", WHOLE, ids=named)
def test_each_packet_has_the_time_that_the_file_says(path: Path) -> None:
    file = capture_of(path)
    if file.suffix == ".pcapng":
        pytest.skip("scapy gives a pcapng's times in another way")
    with PcapReader(str(file)) as theirs:
        assert [packet.at_us for packet in captured(path)] == [int(packet.time * 1_000_000) for packet in theirs]


def test_the_cases_have_every_layer_that_both_read() -> None:
    frames = [FRAMES[packet.linktype](packet.data) for path in WHOLE for packet in captured(path) if packet.data]
    layers = {layer for frame in frames[::3] for layer in scapys.read(frame)}
    discovery = {"solicits routers", "advertises router", "solicits", "advertises"}
    assert {"arp", "dhcp", "dns", "lldp", "cdp", "ipv4", "ipv6", "udp", *discovery} <= layers
