"""Frames are recorded as they were on the wire: both ways, with their VLAN tag, at their time."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from fibrix.app.recorder import Recorder
from fibrix.errors import InvalidError, ListenError
from tests.support.netns import Wire, entered, ip, needs_root, wire

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason=needs_root)

HEAD = b"\xff" * 6 + bytes.fromhex("525400770001")


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fx-rec") as laid:
        laid.plug("10.77.9.1/24")
        yield laid


def send(namespace: str, interface: str, frame: bytes) -> None:
    with entered(namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((interface, 0))
        raw.send(frame)


def recorded(recorder: Recorder, wanted: bytes) -> tuple[int, bytes, int]:
    return next(each for each in recorder.frames(5) if wanted in each[1])


def test_frames_of_both_ways_have_their_time_and_their_tag(cable: Wire) -> None:
    sent = [
        (cable.client, "c0", HEAD + b"\x08\x06 came untagged"),
        (cable.client, "c0", HEAD + b"\x81\x00\x20\x0a\x08\x06 came tagged"),  # the kernel takes it out, it is put back
        (cable.server, "s0", HEAD + b"\x08\x06 left"),
    ]
    with closing(Recorder("s0")) as recorder:
        for namespace, interface, octets in sent:
            before = time.time_ns() // 1000
            send(namespace, interface, octets + bytes(40))
            at_us, frame, length = recorded(recorder, HEAD)
            assert before <= at_us <= time.time_ns() // 1000
            assert frame.rstrip(b"\0") == octets
            assert length == len(frame)


def test_recording_ends_after_its_seconds(cable: Wire) -> None:
    with closing(Recorder("s0")) as recorder:
        began = time.monotonic()
        list(recorder.frames(0.3))
        assert 0.3 <= time.monotonic() - began < 2
        assert recorder.dropped() == 0


def test_an_interface_that_goes_away_ends_it_in_words(cable: Wire) -> None:
    with closing(Recorder("s0")) as recorder:
        cable.unplug()
        with pytest.raises(ListenError, match="recording ended: Network is down"):
            list(recorder.frames(5))


def test_what_cannot_be_recorded_is_said(cable: Wire) -> None:
    with pytest.raises(ListenError, match="cannot record on eth77: "):
        Recorder("eth77")
    ip("-n", cable.server, "tuntap", "add", "tun0", "mode", "tun")
    with pytest.raises(InvalidError, match="tun0 has no Ethernet frames"):
        Recorder("tun0")
