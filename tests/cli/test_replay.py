"""`fibrix replay`, as its users start it."""

import time
import tomllib
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import run_command
from tests.support.pcapng import Writer

CASES = Path(__file__).parents[1] / "captures" / "dhcp4"
CASE = str(CASES / "bios-pxe-full.pcap")
SECOND = 1_000_000
START = 1_700_000_000 * SECOND
WRITER = Writer()


def asking(host: int) -> bytes:
    """An ARP request of 10.77.0.host."""
    mac, address = bytes.fromhex("5254007701") + bytes([host]), bytes([10, 77, 0, host])
    return b"\xff" * 6 + mac + bytes.fromhex("0806 0001 0800 06 04 0001") + mac + address + bytes(6) + b"\x0a\x4d\0\1"


def capture(*seconds: float) -> bytes:
    data = WRITER.section() + WRITER.interface("eth1")
    return data + b"".join(WRITER.packet(asking(i), START + int(s * SECOND)) for i, s in enumerate(seconds, 1))


async def test_people_get_a_line_for_each_event() -> None:
    ended = await run_command("replay", CASE)
    assert ended.out.splitlines()[0] == (
        "     1  2026-11-22 10:24:36.464907  52:54:00:77:00:00     first heard by DHCP, no address (virtual: QEMU)"
    )
    assert (ended.status, ended.err) == (0, f"6 packets, {len(ended.out.splitlines())} events\n")


async def test_programs_get_a_cloudevent_a_line() -> None:
    ended = await run_command("replay", "--json", CASE)
    events = [msgspec.json.decode(line) for line in ended.out.splitlines()]
    assert [event["id"] for event in events] == [str(i) for i in range(1, len(events) + 1)]
    assert {event["specversion"] for event in events} == {"1.0"}
    assert events[0] | {"data": {}} == {
        "specversion": "1.0",
        "id": "1",
        "source": "/fibrix",
        "type": "fibrix.host.seen",
        "time": "2026-11-22T10:24:36.464907Z",
        "datacontenttype": "application/json",
        "data": {},
        "subject": "discoveries/52:54:00:77:00:00",
    }
    assert ended.err == ""


@pytest.mark.parametrize("form", [(), ("--json",), ("--facts",)], ids=["people", "json", "facts"])
async def test_the_same_files_give_the_same_bytes_on_any_machine(form: tuple[str, ...]) -> None:
    files = [str(path) for path in sorted(CASES.glob("*.pcap"))]
    one = await run_command("replay", *form, *files, PYTHONHASHSEED="1", TZ="UTC")
    other = await run_command("replay", *form, *files, PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C")
    assert one == other
    assert len(one.out.splitlines()) > 10


async def test_facts_are_what_a_case_has() -> None:
    ended = await run_command("replay", "--facts", CASE)
    facts = tomllib.loads(ended.out)
    assert facts["events"][0] == "host.seen 52:54:00:77:00:00 means=dhcp vendor='virtual: QEMU'"
    assert facts["hosts"][1] == (
        "72:eb:05:e8:bd:06 vendor='made up' addresses=10.77.0.1 means=dhcp roles='dhcp server',gateway"
    )


async def test_a_capture_may_come_in_by_a_pipe() -> None:
    ended = await run_command("replay", "--facts", "-", stdin=capture(0, 1))
    assert tomllib.loads(ended.out)["events"] == [
        f"host.seen 52:54:00:77:01:0{i} interface=eth1 means=arp vendor='virtual: QEMU' address=10.77.0.{i}"
        for i in (1, 2)
    ]


async def test_the_controllers_own_macs_can_be_told() -> None:
    data = capture(0, 2 * 3600)
    ended = await run_command("replay", "--facts", "-", stdin=data)
    assert "host.gone 52:54:00:77:01:01" in ended.out
    ended = await run_command("replay", "--facts", "--ours", "52-54-00-77-01-01", "-", stdin=data)
    assert "host.gone" not in ended.out
    refused = await run_command("replay", "--ours", "nobody", "-", stdin=b"")
    assert (refused.status, refused.err) == (
        1,
        "fibrix: 'nobody' is not a MAC address: write it as 52:54:00:77:00:01\n",
    )


async def test_a_capture_that_is_cut_says_so_after_its_events() -> None:
    data = capture(0, 1)
    ended = await run_command("replay", "-", stdin=data[:-1])
    assert len(ended.out.splitlines()) == 1
    assert (ended.status, ended.err.splitlines()[-1]) == (
        1,
        f"fibrix: <stdin>: the capture ends at octet {len(data) - 1}, in the middle of the block at octet 148",
    )


async def test_what_is_no_capture_is_refused_in_words() -> None:
    ended = await run_command("replay", "--json", __file__)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith(f"fibrix: {__file__}: the file is no capture: pcap and pcapng are read")


async def test_a_replay_can_keep_the_pace_of_its_capture() -> None:
    began = time.monotonic()
    ended = await run_command("replay", "--speed", "40", "-", stdin=capture(0, 10, 20))
    took = time.monotonic() - began
    assert 0.5 <= took < 8  # 20 s in a fortieth of that
    assert len(ended.out.splitlines()) == 3
